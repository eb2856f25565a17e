using BorgStore.Backends;
using BorgStore.Security;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    /// <summary>Whether the storage copies values by itself. Otherwise nothing is copied, and the caller loads and stores them.</summary>
    protected virtual bool Copies(StoreMode mode) => false;

    [Theory]
    [InlineData(StoreMode.Overwrite)]
    [InlineData(StoreMode.CreateNew)]
    public async Task A_copy_by_the_storage_is_the_whole_value_in_a_new_directory(StoreMode mode)
    {
        await using var source = await OpenAnotherAsync();
        // Without bytes there is nothing that a storage could not copy, and some copy only large values on condition that they are new.
        foreach (var size in Copies(mode) ? [0, 1000, 20 << 20] : new[] { 1000 })
        {
            await source.StoreAsync("data/a", Bytes(size), StoreMode.Overwrite, Ct);
            Assert.Equal(Copies(mode) ? size : null, await Store.CopyFromAsync(source.FindOrigin("data/a")!, $"other/01/{size}", mode, Ct));
            if (Copies(mode)) Assert.Equal(Bytes(size), await LoadAsync($"other/01/{size}"));
            else Assert.Null(await Store.FindAsync($"other/01/{size}", Ct));
            Assert.True(!Copies(mode) || await Store.DeleteAsync($"other/01/{size}", Ct));
        }
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task A_copy_by_the_storage_replaces_an_item_only_in_overwrite_mode()
    {
        await StoreAsync("data/a", [1, 2]);
        await StoreAsync("data/b", [3]);
        var origin = Store.FindOrigin("data/a")!;
        if (Copies(StoreMode.CreateNew)) await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => Store.CopyFromAsync(origin, "data/b", StoreMode.CreateNew, Ct).AsTask());
        else Assert.Null(await Store.CopyFromAsync(origin, "data/b", StoreMode.CreateNew, Ct));
        Assert.Equal([3], await LoadAsync("data/b"));

        Assert.Equal(Copies(StoreMode.Overwrite) ? 2L : null, await Store.CopyFromAsync(origin, "data/b", StoreMode.Overwrite, Ct));
        Assert.Equal(Copies(StoreMode.Overwrite) ? [1, 2] : [3], await LoadAsync("data/b"));
        Assert.Equal([1, 2], await LoadAsync("data/a"));
        await AssertOnlyFilesAsync("data/a", "data/b");
    }

    [Fact]
    public async Task Nothing_is_copied_by_the_storage_if_there_is_no_such_item_or_it_is_elsewhere()
    {
        await StoreAsync("data/a", [1]);
        foreach (var mode in new[] { StoreMode.Overwrite, StoreMode.CreateNew })
            foreach (var origin in new[] { Store.FindOrigin("data/none")!, Store.FindOrigin("none/a")!, Store.FindOrigin("data")!, new ValueOrigin(Store, "data/a") })
                foreach (var name in new[] { "data/b", "new/b" })
                    Assert.Null(await Store.CopyFromAsync(origin, name, mode, Ct));
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task A_copy_by_the_storage_onto_the_item_itself_keeps_it()
    {
        await StoreAsync("data/a", [1, 2, 3]);
        var copied = await Store.CopyFromAsync(Store.FindOrigin("data/a")!, "data/a", StoreMode.Overwrite, Ct);
        Assert.True(copied is null or 3);
        Assert.Equal([1, 2, 3], await LoadAsync("data/a"));
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task A_copy_by_the_storage_needs_the_rights_to_load_and_to_store()
    {
        await StoreAsync("data/a", [1, 2]);
        await StoreAsync("kept/b", [3]);
        var origin = Store.FindOrigin("data/a")!;
        // The wrapper of the store is closed with it.
        var limited = new PermissionBackend(Store, PermissionMap.Parse("""{"": "lr", "data": "lw", "kept": "lw"}"""));
        Assert.Null(limited.FindOrigin("data/a"));
        Assert.NotNull(limited.FindOrigin("other/a"));
        await AssertFailsAsync(StoreError.PermissionDenied, () => limited.CopyFromAsync(origin, "other/a", StoreMode.Overwrite, Ct).AsTask());
        if (Copies(StoreMode.CreateNew))
        {
            await AssertFailsAsync(StoreError.PermissionDenied, () => limited.CopyFromAsync(origin, "kept/b", StoreMode.Overwrite, Ct).AsTask());
            Assert.Equal(2, await limited.CopyFromAsync(origin, "kept/c", StoreMode.Overwrite, Ct));
            Assert.True(await Store.DeleteAsync("kept/c", Ct));
        }
        Assert.Equal([3], await LoadAsync("kept/b"));
        await AssertOnlyFilesAsync("data/a", "kept/b");
    }

    [Fact]
    public async Task A_copy_by_the_storage_of_a_closed_store_or_after_cancellation_changes_nothing()
    {
        await StoreAsync("data/a", [1]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Store.CopyFromAsync(Store.FindOrigin("data/a")!, "data/b", StoreMode.Overwrite, new(canceled: true)).AsTask());
        var source = await OpenAnotherAsync();
        var origin = source.FindOrigin("data/a")!;
        await source.DisposeAsync();
        if (Copies(StoreMode.Overwrite)) await AssertFailsAsync(StoreError.StoreNotOpen, () => Store.CopyFromAsync(origin, "data/b", StoreMode.Overwrite, Ct).AsTask());
        await AssertOnlyFilesAsync("data/a");
    }
}
