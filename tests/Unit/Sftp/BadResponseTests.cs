using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Hashing;

namespace BorgStore.Tests.Sftp;

/// <summary>A server whose packets are well-formed but have wrong contents: the client reports it and leaves nothing open.</summary>
public sealed class BadResponseTests
{
    private readonly ConcurrentDictionary<string, int> _requests = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string> PathsAsNames => new("../outside", "a/b", "/", "a\0b", "", "..\0");

    [Theory]
    [MemberData(nameof(PathsAsNames))]
    public async Task An_entry_that_would_be_another_path_is_rejected(string name)
    {
        await using var store = await OpenAsync(Listing((name, Answers.File), ("a", Answers.File)));
        await RefusesAsync(() => store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct).AsTask());
        await RefusesAsync(() => store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct).AsTask());
        await RefusesAsync(() => store.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct).AsTask());
        await using var unopened = await OpenAsync(Listing((name, Answers.File), ("a", Answers.File)), opens: false);
        await RefusesAsync(() => unopened.DestroyAsync(Ct));
        Assert.Equal(0, _requests.GetValueOrDefault("Remove"));
        await AllAreClosedAsync();
        // Other requests on the connection are not affected.
        Assert.NotNull(await store.FindAsync("data/a", Ct));
    }

    [Fact]
    public async Task Dot_and_dot_dot_entries_are_skipped()
    {
        await using var store = await OpenAsync(Listing((".", Answers.Folder), ("..", Answers.Folder), ("a..b", Answers.Folder), ("a", Answers.File)));
        Assert.Equal("a", Assert.Single(await store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct)).Name);
    }

    [Fact]
    public async Task A_duplicate_entry_is_listed_once()
    {
        await using var store = await OpenAsync(request => Answers.FirstTextOf(request) == "store/data"
            ? Listing(("b", Answers.Folder), ("a", Answers.File), ("b", Answers.Folder), ("a", Answers.File))(request)
            : Listing(("x", Answers.File))(request));
        Assert.Equal(["a", "b"], (await store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct)).Select(item => item.Name));
        Assert.Equal(["a", "b/x"], (await store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct)).Select(item => item.Name));
    }

    [Fact]
    public async Task An_unreadable_directory_is_reported_after_the_rest_of_the_listing()
    {
        await using var store = await OpenAsync(request => Answers.FirstTextOf(request) switch
        {
            "store" => Answers.Names(("data", Answers.Folder), ("keys", Answers.Folder)),
            "store/data" => Answers.Names(("a", Answers.File), ("b", Answers.Folder), ("c", Answers.Folder), ("d", Answers.Folder)),
            _ => Answers.Names(("x", Answers.File), ("y.tmp", Answers.File)),
        }, unreadable: ["store/data/b", "store/data/d", "store/keys"]);
        var listed = new List<string>();
        var error = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (var item in store.ListAsync("data", ListScope.Tree, Ct)) listed.Add(item.Name);
        });
        Assert.Equal(["a", "c/x"], listed);
        Assert.Equal((StoreError.PermissionDenied, "data/b"), (error.Error, error.Name));
        Assert.Contains("'data/b', 'data/d'", error.Message, StringComparison.Ordinal);
        // An unreadable root of the listing ends it.
        Assert.Equal("keys", (await Assert.ThrowsAsync<StoreException>(() => store.ListAsync("keys", ListScope.Tree, Ct).ToListAsync(Ct).AsTask())).Name);
    }

    [Fact]
    public async Task A_truncated_listing_is_rejected()
    {
        await using var store = await OpenAsync(request => [.. Answers.Names(("a", Answers.File), ("b", Answers.File))[..^3]]);
        await RefusesAsync(() => store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct).AsTask());
        await AllAreClosedAsync();
    }

    [Fact]
    public async Task A_tree_listing_with_circular_links_terminates()
    {
        await using var store = await OpenAsync(Listing(("linked", Answers.Link), ("z", Answers.File)), linked: Answers.Folder);
        var items = await store.ListAsync("", ListScope.Tree, Ct).ToListAsync(Ct);
        Assert.InRange(items.Count, 10, 20);
        Assert.Empty(await store.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_endless_listing_is_aborted(bool isEmpty)
    {
        Assert.SkipUnless(LongTests.Wanted, "It takes 2 GiB of names; BORGSTORE_TEST_LONG=1 runs it.");
        var names = isEmpty ? [] : Enumerable.Range(0, 1000).Select(i => ($"{i}{new string('x', 240)}", Answers.File)).ToArray();
        var entries = Answers.Names(names);
        await using var store = await OpenAsync(_ => entries, endsListing: false);
        await RefusesAsync(() => store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct).AsTask());
        await AllAreClosedAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    public async Task A_truncated_file_system_description_is_rejected(int length)
    {
        await using var store = await OpenAsync(Listing(), extended: (_, _) => new byte[length], failing: PacketType.Open);
        await RefusesAsync(() => store.StoreAsync("data/b", new byte[10], StoreMode.Overwrite, Ct).AsTask());
    }

    [Fact]
    public async Task A_truncated_hash_is_rejected()
    {
        await using var store = await OpenAsync(Listing(), extended: (_, _) => [0, 0, 0, 99, 1]);
        await RefusesAsync(() => store.HashAsync("data/a", HashKind.Sha256, Ct).AsTask());
    }

    [Theory]
    [InlineData("sha256", 31)]
    [InlineData("sha256", 33)]
    [InlineData("sha256", 0)]
    [InlineData("md5", 16)]
    public async Task A_hash_of_the_wrong_length_or_kind_is_computed_locally_instead(string name, int length)
    {
        await using var store = await OpenAsync(Listing(), extended: (_, _) => [.. Answers.Text(name), .. new byte[length]]);
        Assert.Equal(HashKind.Sha256.ComputeHex([1]), await store.HashAsync("data/a", HashKind.Sha256, Ct));
        await AllAreClosedAsync();
    }

    [Fact]
    public async Task More_data_than_requested_is_rejected()
    {
        await using var store = await OpenAsync(Listing(), value: new byte[100]);
        await RefusesAsync(() => store.LoadAsync("data/a", new ByteRange(0, 1), Ct).AsTask());
        await RefusesAsync(async () => await (await store.GatherAsync([new("data/a", 0, 1)], Ct)).ReadToEndAsync(Ct));
        await AllAreClosedAsync();
    }

    [Fact]
    public async Task A_handle_that_is_too_long_is_rejected()
    {
        await using var store = await OpenAsync(Listing(), handle: new byte[257]);
        await RefusesAsync(() => store.LoadAsync("data/a", ByteRange.Whole, Ct).AsTask());
    }

    [Fact]
    public async Task A_file_opened_for_a_cancelled_caller_is_closed()
    {
        using var left = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var hasLeft = new TaskCompletionSource();
        await using var store = await OpenAsync(Listing(), opening: _ =>
        {
            left.Cancel();
            hasLeft.Task.Wait(Ct);
            return true;
        }, value: new byte[100_000], size: 1_000_000);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.LoadAsync("data/a", ByteRange.Whole, left.Token).AsTask());
        hasLeft.SetResult();
        while (_requests.GetValueOrDefault("Open") == 0) await Task.Delay(10, Ct);
        await AllAreClosedAsync();
    }

    [Fact]
    public async Task All_sources_of_a_copy_are_closed_if_one_of_them_cannot_be_opened()
    {
        await using var store = await OpenAsync(Listing(), opening: path => !path.EndsWith("/b", StringComparison.Ordinal));
        await Assert.ThrowsAsync<StoreException>(() => store.DefragAsync(
            new DefragRequest([new("data/a", 0, 1), new("data/b", 0, 1), new("data/c", 0, 1)]) { Target = "data/d" }, Ct).AsTask());
        // One of the four files could not be opened.
        while (_requests.GetValueOrDefault("Close") < 3) await Task.Delay(10, Ct);
        Assert.Equal(4, _requests.GetValueOrDefault("Open"));
    }

    private static async Task RefusesAsync(Func<Task> act)
    {
        var error = await Assert.ThrowsAsync<StoreException>(() => act().WaitAsync(TimeSpan.FromMinutes(5), Ct));
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains("server", error.Message, StringComparison.Ordinal);
    }

    // The client does not wait for responses to closing, so these requests may arrive a little later.
    private async Task AllAreClosedAsync()
    {
        while (_requests.GetValueOrDefault("Open") + _requests.GetValueOrDefault("OpenDirectory") != _requests.GetValueOrDefault("Close"))
            await Task.Delay(10, Ct);
    }

    private static Func<byte[], byte[]> Listing(params (string Name, uint Mode)[] entries) => _ => Answers.Names(entries);

    /// <summary>Opens a store on a server where each directory has the same entries, and each file the same value.</summary>
    private async Task<SftpBackend> OpenAsync(Func<byte[], byte[]> listing, bool endsListing = true, uint linked = Answers.File,
        Func<string, byte[], byte[]>? extended = null, PacketType? failing = null, byte[]? value = null, byte[]? handle = null, Func<string, bool>? opening = null,
        long size = 1, string[]? unreadable = null, bool opens = true)
    {
        var listed = new ConcurrentDictionary<string, byte[]>();
        var number = 0;
        var store = new SftpBackend(SftpUrl.Parse("sftp://host/store?timeout=20"), new BackendOptions(),
            _ => ValueTask.FromResult<ISftpTransport>(new ScriptedServer(Answer)));
        if (opens) await store.OpenAsync(Ct);
        return store;

        byte[] Answer(byte[] request)
        {
            var type = (PacketType)request[0];
            if (type == PacketType.Init) return Answers.Version(Extension.FileSystemStat, Extension.CopyData);
            _requests.AddOrUpdate(type.ToString(), 1, static (_, count) => count + 1);
            if (type == failing) return Answers.Status(request, 4);
            var text = Answers.FirstTextOf(request);
            switch (type)
            {
                case PacketType.OpenDirectory when unreadable?.Contains(text) == true:
                    return Answers.Status(request, 3);
                case PacketType.OpenDirectory:
                    listed[$"{++number}"] = listing(request);
                    return Answers.Handle(request, System.Text.Encoding.ASCII.GetBytes($"{number}"));
                case PacketType.ReadDirectory:
                    if (!endsListing) return listed[text] is var more ? Answers.Packet(104, Answers.IdOf(request), more) : [];
                    return listed.TryRemove(text, out var entries) ? Answers.Packet(104, Answers.IdOf(request), entries) : Answers.Status(request, 1);
                case PacketType.Open:
                    return opening is null || opening(text) ? Answers.Handle(request, handle ?? [1]) : Answers.Status(request, 3);
                case PacketType.Read:
                    return Answers.Data(request, value ?? [1]);
                case PacketType.Stat when text.EndsWith("/linked", StringComparison.Ordinal):
                    return Answers.Attributes(request, linked);
                case PacketType.Stat or PacketType.LinkStat or PacketType.HandleStat:
                    return Answers.Attributes(request, text is "store" or "store/data" ? Answers.Folder : Answers.File, size);
                case PacketType.ReadLink:
                    return Answers.Status(request, 4);
                case PacketType.Extended when extended is not null:
                    return Answers.Extended(request, extended(text, request));
                case PacketType.Extended:
                    return Answers.Status(request, 8);
                default:
                    return Answers.Status(request, 0);
            }
        }
    }
}
