using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rest;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Backends;

/// <summary>A directory that even root cannot read: a file system in user space whose program was killed.</summary>
public sealed class UnreadableDirectoryTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly FuseMount _mount;

    public UnreadableDirectoryTests() => _mount = new(_directory, "store/data/bb");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Store => _directory["store"];

    public async ValueTask InitializeAsync()
    {
        foreach (var name in new[] { "data/aa/1", "data/cc/2", "data/dd/3.tmp", "keys/4" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Store, name))!);
            await File.WriteAllTextAsync(Path.Combine(Store, name), "x", Ct);
        }
        await _mount.MountAsync("bindfs");
        File.CreateSymbolicLink(Path.Combine(Store, "data", "loop"), "loop");
        await _mount.KillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _mount.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("file")]
    [InlineData("rest")]
    [InlineData("rest, one level at a time")]
    public async Task A_listing_continues_past_an_unreadable_directory_and_then_reports_it(string way)
    {
        InProcessServer? server = null;
        if (way.StartsWith("rest", StringComparison.Ordinal)) server = await InProcessServer.StartAsync(Store);
        await using var _ = server;
        await using IBackend backend = server is null ? new FileBackend(Store) : new RestBackend(server.Url);
        await backend.OpenAsync(Ct);
        var tree = way == "rest, one level at a time" ? TreeWalk.ListAsync(backend, "data", "", Ct) : backend.ListAsync("data", ListScope.Tree, Ct);
        var listed = new List<string>();
        var error = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (var item in tree) listed.Add(item.Name);
        });
        Assert.Equal(["aa/1", "cc/2"], listed);
        Assert.Contains("'data/bb'", error.Message, StringComparison.Ordinal);
        Assert.Equal(["4"], (await backend.ListAsync("keys", ListScope.Tree, Ct).ToListAsync(Ct)).Select(item => item.Name));

        var temporary = new List<string>();
        await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (var item in backend.ListTemporaryAsync(TimeSpan.FromHours(-1), Ct)) temporary.Add(item.Id);
        });
        if (way == "file") Assert.Equal(["data/dd/3.tmp"], temporary);
    }
}
