using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Security;

namespace BorgStore.Tests.Security;

/// <summary>Each operation with each single right, on a real folder.</summary>
public sealed class PermissionBackendTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("load", "r")]
    [InlineData("hash", "r")]
    [InlineData("gather", "r")]
    [InlineData("gather-nothing", "r")]
    [InlineData("info", "lr")]
    [InlineData("list", "l")]
    [InlineData("store-new", "wW")]
    [InlineData("store-existing", "W")]
    [InlineData("delete", "D")]
    [InlineData("delete-unfinished", "D")]
    [InlineData("mkdir", "w")]
    [InlineData("rmdir", "wD")]
    public async Task Each_operation_requires_one_of_its_rights(string operation, string sufficient)
    {
        await PrepareAsync();
        foreach (var letter in "lrwWD")
        {
            await using var backend = await OpenAsync(letter.ToString());
            var allowed = await SucceedsAsync(() => RunAsync(backend, operation));
            Assert.Equal(sufficient.Contains(letter), allowed);
            await RestoreAsync();
        }
    }

    [Theory]
    [InlineData("D", "w", false, true)]
    [InlineData("D", "w", true, false)]
    [InlineData("D", "W", true, true)]
    [InlineData("r", "W", true, false)]
    [InlineData("D", "r", false, false)]
    public async Task A_move_needs_delete_for_its_source_and_write_for_its_target(string onSource, string onTarget, bool targetExists, bool allowed)
    {
        await PrepareAsync();
        await using var backend = await OpenAsync("", ("from", onSource), ("to", onTarget));
        var target = targetExists ? "to/existing" : "to/new";
        Assert.Equal(allowed, await SucceedsAsync(async () => Assert.True(await backend.MoveAsync("from/x", target, StoreMode.Overwrite, default))));
        await using var free = await OpenAsync("lrwWD");
        Assert.Equal(!allowed, await free.FindAsync("from/x", default) is not null);
    }

    [Theory]
    [InlineData("rw", false, true)]
    [InlineData("rw", true, false)]
    [InlineData("rW", true, true)]
    [InlineData("w", false, false)]
    public async Task Defrag_needs_read_for_its_sources_and_overwrite_only_for_an_existing_target(string rights, bool exists, bool allowed)
    {
        await PrepareAsync();
        await using var backend = await OpenAsync("", ("to", rights));
        var request = new DefragRequest([new("to/existing", 0, 3)]) { Target = exists ? "to/x2" : "to/new" };
        Assert.Equal(allowed, await SucceedsAsync(async () => await backend.DefragAsync(request, default)));
    }

    [Fact]
    public async Task A_tree_listing_goes_on_past_a_directory_that_may_not_be_listed_and_fails_at_its_end()
    {
        await PrepareAsync();
        await using (var free = await OpenAsync("w")) await free.StoreAsync("zz/last", "1"u8.ToArray(), StoreMode.Overwrite, default);
        await using var backend = await OpenAsync("l", ("to", "r"));
        var listed = new List<string>();
        var error = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (var item in backend.ListAsync("", ListScope.Tree, default)) listed.Add(item.Name);
        });
        Assert.Equal(StoreError.PermissionDenied, error.Error);
        Assert.Contains("'to'", error.Message, StringComparison.Ordinal);
        Assert.Equal(["from/x", "zz/last"], listed);
        Assert.Single(await backend.ListAsync("from", ListScope.Tree, default).ToListAsync());
    }

    [Fact]
    public async Task The_no_delete_preset_lets_Borg_write_but_not_delete_or_overwrite()
    {
        var layout = StoreLayout.Borg2;
        await using (await Store.CreateAsync(new(_folder.StoreUrl) { Layout = layout })) { }
        await using var store = await Store.OpenAsync(new(_folder.StoreUrl) { Layout = layout, Permissions = PermissionMap.Parse("no-delete") });
        var key = HashKind.Sha256.ComputeHex("value"u8);
        await store.StoreAsync($"packs/{key}", "value"u8.ToArray());
        await AssertDeniedAsync(() => store.StoreAsync($"packs/{key}", "other"u8.ToArray()));
        await AssertDeniedAsync(() => store.DeleteAsync($"packs/{key}"));
        await AssertDeniedAsync(() => store.SoftDeleteAsync($"packs/{key}"));
        var target = await store.DefragAsync("packs", [new($"packs/{key}", 1, 2)], HashKind.Sha256);
        Assert.Equal("al"u8.ToArray(), await store.LoadAsync(target));
        Assert.Equal("value"u8.ToArray(), await store.LoadAsync($"packs/{key}"));
    }

    private static async Task AssertDeniedAsync(Func<ValueTask> operation)
        => Assert.Equal(StoreError.PermissionDenied, (await Assert.ThrowsAsync<StoreException>(async () => await operation())).Error);

    [Fact]
    public async Task Moving_a_directory_respects_the_rights_of_everything_below_it()
    {
        await PrepareAsync();
        foreach (var (path, source, target) in new[] { ("from/locked", "from", "moved"), ("moved/locked", "from", "moved"), ("from/x", "from", "moved") })
        {
            await using var backend = await OpenAsync("lrwWD", (path, "lr"));
            await AssertDeniedAsync(async () => await backend.MoveAsync(source, target, StoreMode.Overwrite, default));
            Assert.NotNull(await backend.FindAsync("from/x", default));
        }
        await using var free = await OpenAsync("lrwWD", ("from", "lrD"));
        // The framework's own calls cannot move directories.
        Assert.Equal(OperatingSystem.IsLinux(), await free.MoveAsync("from", "moved", StoreMode.Overwrite, default));
    }

    [Fact]
    public async Task Defrag_by_hash_needs_rights_for_every_possible_target()
    {
        await PrepareAsync();
        var request = new DefragRequest([new("from/x", 0, 5)]) { Algorithm = HashKind.Sha256, Namespace = "to", Levels = 1 };
        var directory = HashKind.Sha256.ComputeHex("value"u8)[..2];
        await using (var locked = await OpenAsync("lrwWD", ($"to/{directory}", "lr")))
            await AssertDeniedAsync(async () => await locked.DefragAsync(request, default));
        await using (var keeping = await OpenAsync("lrwWD", ($"to/{directory}", "lrw")))
        {
            await keeping.DefragAsync(request, default);
            await AssertDeniedAsync(async () => await keeping.DefragAsync(request, default));
        }
    }

    [Fact]
    public async Task Unfinished_values_are_listed_only_where_listing_is_allowed()
    {
        await PrepareAsync();
        foreach (var name in new[] { "from/one.tmp", "to/two.tmp" }) await File.WriteAllTextAsync(_folder.Combine($"store/{name}"), "", TestContext.Current.CancellationToken);
        await using var backend = await OpenAsync("l", ("from", "r"));
        Assert.Equal(["to/two.tmp"], (await backend.ListTemporaryAsync(TimeSpan.Zero, default).ToListAsync()).Select(item => item.Id));
    }

    [Theory]
    [InlineData("w", true, false)]
    [InlineData("W", true, false)]
    [InlineData("D", false, true)]
    [InlineData("lr", false, false)]
    public async Task A_store_is_created_by_those_who_may_write_and_destroyed_by_those_who_may_delete(string rights, bool mayCreate, bool mayDestroy)
    {
        await using var backend = Create(rights);
        Assert.Equal(mayCreate, await SucceedsAsync(() => backend.CreateAsync(default)));
        Assert.Equal(mayCreate, Directory.Exists(_folder.Combine("store")));
        if (!mayCreate) await PrepareAsync();
        Assert.Equal(mayDestroy, await SucceedsAsync(() => backend.DestroyAsync(default)));
        Assert.Equal(!mayDestroy, Directory.Exists(_folder.Combine("store")));
    }

    [Fact]
    public async Task Of_many_items_those_that_may_be_deleted_are()
    {
        await PrepareAsync();
        await using var backend = await OpenAsync("D", ("from", "lrwW"));
        var failure = Assert.Single(await backend.DeleteManyAsync(["to/existing", "from/x", "to/missing"], default));
        Assert.Equal(("from/x", StoreError.PermissionDenied), (failure.Name, failure.Reason.Error));
        Assert.Contains("one of 'D'", failure.Reason.Message, StringComparison.Ordinal);
        failure = Assert.Single(await backend.DeleteManyAsync(["from/x"], default));
        Assert.Equal("from/x", failure.Name);
        Assert.Empty(await backend.DeleteManyAsync(["to/x2"], default));
        Assert.Equal(["from/x"], await ListFilesAsync());
    }

    [Fact]
    public async Task A_copy_by_the_storage_needs_read_for_its_source_and_write_for_its_target()
    {
        await PrepareAsync();
        await using var source = await OpenAsync("r", ("to", "lwWD"));
        Assert.Null(source.FindOrigin("to/existing"));
        var origin = source.FindOrigin("from/x");
        Assert.SkipUnless(OperatingSystem.IsLinux() && origin is not null, "These system calls do not copy.");
        foreach (var (rights, target, mode, error) in new (string, string, StoreMode, StoreError?)[]
        {
            ("lrD", "to/new", StoreMode.Overwrite, StoreError.PermissionDenied), ("w", "to/existing", StoreMode.Overwrite, StoreError.PermissionDenied),
            ("w", "to/existing", StoreMode.CreateNew, StoreError.ObjectAlreadyExists), ("W", "to/existing", StoreMode.CreateNew, StoreError.ObjectAlreadyExists),
            ("w", "to/new", StoreMode.Overwrite, null), ("W", "to/existing", StoreMode.Overwrite, null),
        })
        {
            await using var backend = await OpenAsync(rights);
            if (error is null) Assert.Equal(5, await backend.CopyFromAsync(origin!, target, mode, default));
            else Assert.Equal((error, target, rights), ((await Assert.ThrowsAsync<StoreException>(async () => await backend.CopyFromAsync(origin!, target, mode, default))).Error, target, rights));
        }
    }

    [Fact]
    public async Task An_item_that_may_not_be_replaced_is_refused_and_one_that_was_not_to_be_replaced_exists()
    {
        await PrepareAsync();
        var blocks = new DefragRequest([new("from/x", 0, 3)]) { Target = "to/existing" };
        var store = (IBackend backend, StoreMode mode) => (Func<Task>)(async () => await backend.StoreAsync("to/existing", "v"u8.ToArray(), mode, default));
        var move = (IBackend backend, StoreMode mode) => (Func<Task>)(async () => await backend.MoveAsync("from/x", "to/existing", mode, default));
        var defrag = (IBackend backend, StoreMode mode) => (Func<Task>)(async () => await backend.DefragAsync(blocks with { Mode = mode }, default));
        foreach (var operation in new[] { store, move, defrag })
        {
            await using var creating = await OpenAsync("rwD");
            var refused = await Assert.ThrowsAsync<StoreException>(operation(creating, StoreMode.Overwrite));
            Assert.Equal(StoreError.PermissionDenied, refused.Error);
            Assert.Contains("require one of 'W' there", refused.Message, StringComparison.OrdinalIgnoreCase);
            foreach (var rights in new[] { "rwD", "rwWD" })
            {
                await using var backend = await OpenAsync(rights);
                Assert.Equal(StoreError.ObjectAlreadyExists, (await Assert.ThrowsAsync<StoreException>(operation(backend, StoreMode.CreateNew))).Error);
            }
        }
        Assert.Equal(["from/x", "to/existing", "to/x2"], await ListFilesAsync());
    }

    [Fact]
    public async Task A_raw_listing_of_a_tree_is_only_for_those_who_may_list_all_of_it()
    {
        await PrepareAsync();
        await using var backend = new PermissionBackend(new RawListing(await OpenAsync("lrwWD")), PermissionMap.Parse("""{"": "l", "to": "r"}"""));
        Assert.Null(backend.ListRawTreeAsync("to", "", default));
        Assert.Null(backend.ListRawTreeAsync("", "", default));
        Assert.Equal(["x"], await backend.ListRawTreeAsync("from", "", default)!.Select(item => item.Name).ToListAsync());
    }

    [Fact]
    public async Task Unfinished_values_cannot_be_listed_without_any_right_to_list()
    {
        await PrepareAsync();
        await using var backend = await OpenAsync("rwWD");
        Assert.False(await SucceedsAsync(async () => await backend.ListTemporaryAsync(TimeSpan.Zero, default).ToListAsync()));
    }

    private async Task<List<string>> ListFilesAsync()
    {
        await using var free = await OpenAsync("lrwWD");
        return (await free.ListAsync("", ListScope.Tree, default).ToListAsync()).ConvertAll(item => item.Name);
    }

    private async Task PrepareAsync()
    {
        await using var backend = BackendFactory.Create(_folder.StoreUrl, new());
        await backend.CreateAsync(default);
        await RestoreAsync();
    }

    private async Task RestoreAsync()
    {
        await using var backend = await OpenAsync("lrwWD");
        foreach (var name in new[] { "from/x", "to/existing", "to/x2" }) await backend.StoreAsync(name, "value"u8.ToArray(), StoreMode.Overwrite, default);
        await backend.MakeDirectoryAsync("empty", default);
        await backend.DeleteAsync("to/new", default);
        await backend.RemoveDirectoryAsync("made", default);
    }

    private async Task<IBackend> OpenAsync(string rights, params (string Path, string Rights)[] more)
    {
        var backend = Create(rights, more);
        await backend.OpenAsync(default);
        return backend;
    }

    private IBackend Create(string rights, params (string Path, string Rights)[] more)
        => BackendFactory.Create(_folder.StoreUrl, new() { Permissions = new(more.Append(("", rights)).Select(entry => KeyValuePair.Create(entry.Item1, entry.Item2))) });

    private static async Task RunAsync(IBackend backend, string operation)
    {
        switch (operation)
        {
            case "load": await using (await backend.LoadAsync("from/x", default, default)) { } break;
            case "gather": await (await backend.GatherAsync([new("from/x", 0, 1)], default)).DisposeAsync(); break;
            case "gather-nothing": await (await backend.GatherAsync([new("from/x", 0, 0)], default)).DisposeAsync(); break;
            case "hash": await backend.HashAsync("from/x", HashKind.Sha256, default); break;
            case "info": await backend.FindAsync("from/x", default); break;
            case "list": await backend.ListAsync("from", ListScope.OneLevel, default).ToListAsync(); break;
            case "store-new": await backend.StoreAsync("to/new", "v"u8.ToArray(), StoreMode.Overwrite, default); break;
            case "store-existing": await backend.StoreAsync("to/existing", "v"u8.ToArray(), StoreMode.Overwrite, default); break;
            case "delete-unfinished": await backend.DeleteTemporaryAsync(new("from/left.tmp", 0, DateTime.UtcNow), default); break;
            case "delete": await backend.DeleteAsync("from/x", default); break;
            case "mkdir": await backend.MakeDirectoryAsync("made", default); break;
            case "rmdir": await backend.RemoveDirectoryAsync("empty", default); break;
        }
    }

    private static async Task<bool> SucceedsAsync(Func<Task> operation)
    {
        try
        {
            await operation();
            return true;
        }
        catch (StoreException e) when (e.Error == StoreError.PermissionDenied)
        {
            return false;
        }
    }

    // Files have no raw listing of their own.
    private sealed class RawListing(IBackend inner) : DelegatingBackend(inner)
    {
        public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
            => Inner.ListAsync(directory, ListScope.Tree, "", cancellationToken);
    }
}
