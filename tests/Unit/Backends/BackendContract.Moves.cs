using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Theory]
    [InlineData(StoreMode.Overwrite)]
    [InlineData(StoreMode.CreateNew)]
    public async Task Move_renames_an_item_and_creates_directories(StoreMode mode)
    {
        await StoreAsync("data/a", Bytes(1000));
        Assert.True(await Store.MoveAsync("data/a", "data/a.del", mode, Ct));
        Assert.True(await Store.MoveAsync("data/a.del", "other/01/23/b", mode, Ct));
        Assert.Equal(Bytes(1000), await LoadAsync("other/01/23/b"));
        await AssertOnlyFilesAsync("other/01/23/b");
    }

    [Fact]
    public async Task The_time_of_a_soft_deletion_is_known_to_lookups_and_listings_or_to_neither()
    {
        await StoreAsync("data/a", [1]);
        await StoreAsync("data/b", [2]);
        // Some storages have whole seconds.
        var earliest = DateTime.UtcNow.AddSeconds(-2);
        Assert.True(await Store.MoveAsync("data/a", "data/a.del", StoreMode.Overwrite, Ct));
        foreach (var scope in new[] { ListScope.OneLevel, ListScope.Tree })
        {
            var items = (await Store.ListAsync("data", scope, Ct).ToListAsync(Ct)).ToDictionary(item => item.Name, item => item.DeletedTime);
            Assert.Equal(["a.del", "b"], items.Keys.Order(StringComparer.Ordinal));
            Assert.Null(items["b"]);
            AssertDeleted(items["a.del"]);
        }
        AssertDeleted((await Store.FindAsync("data/a.del", Ct))!.Value.DeletedTime);
        Assert.True(await Store.MoveAsync("data/a.del", "data/a", StoreMode.Overwrite, Ct));
        Assert.Null((await Store.FindAsync("data/a", Ct))!.Value.DeletedTime);

        void AssertDeleted(DateTime? time)
        {
            Assert.Equal(KnowsDeletedTime, time is not null);
            if (time is { } known) Assert.InRange(known, earliest, DateTime.UtcNow.AddSeconds(2));
        }
    }

    [Fact]
    public async Task Move_replaces_an_existing_target_only_in_overwrite_mode()
    {
        await StoreAsync("data/a", [1]);
        await StoreAsync("data/b", [2]);
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => Store.MoveAsync("data/a", "data/b", StoreMode.CreateNew, Ct).AsTask());
        Assert.Equal([1], await LoadAsync("data/a"));
        Assert.Equal([2], await LoadAsync("data/b"));

        Assert.True(await Store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct));
        Assert.Equal([1], await LoadAsync("data/b"));
        await AssertOnlyFilesAsync("data/b");
    }

    [Fact]
    public async Task Move_of_a_missing_item_leaves_the_target_unchanged()
    {
        await StoreAsync("data/b", [2]);
        Assert.False(await Store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct));
        Assert.False(await Store.MoveAsync("data/a", "new/b", StoreMode.Overwrite, Ct));
        Assert.Equal([2], await LoadAsync("data/b"));
        await AssertOnlyFilesAsync("data/b");
    }

    [Fact]
    public async Task Move_of_an_item_onto_itself_changes_nothing()
    {
        await StoreAsync("data/a", [1, 2, 3]);
        Assert.True(await Store.MoveAsync("data/a", "data/a", StoreMode.Overwrite, Ct));
        Assert.Equal([1, 2, 3], await LoadAsync("data/a"));
        Assert.False(await Store.MoveAsync("data/none", "data/none", StoreMode.Overwrite, Ct));
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task Move_of_a_directory_never_replaces_items()
    {
        SkipIf(BackendLimits.NoDirectories);
        await StoreAsync("data/a", [1]);
        await StoreAsync("item", [2]);
        await StoreAsync("other/item", [3]);
        foreach (var target in new[] { "data/below", "item", "other/item", "item/x" })
            foreach (var mode in new[] { StoreMode.Overwrite, StoreMode.CreateNew })
            {
                // If directories can't be moved at all, this one counts as missing.
                var moved = await Record.ExceptionAsync(async () => Assert.False(await Store.MoveAsync("data", target, mode, Ct)));
                Assert.True(moved is null or StoreException, $"{target}: {moved}");
                Assert.False(moved is StoreException { Error: StoreError.StoreDoesNotExist }, $"{target}: {moved}");
            }
        Assert.Equal([1], await LoadAsync("data/a"));
        Assert.Equal([2], await LoadAsync("item"));
        Assert.Equal([3], await LoadAsync("other/item"));
        await AssertOnlyFilesAsync("data/a", "item", "other/item");
    }
}
