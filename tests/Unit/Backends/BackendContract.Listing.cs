using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task One_level_lists_files_and_directories_in_ordinal_order()
    {
        foreach (var name in new[] { "data/b", "data/a-1", "data/a.1", "data/a/x", "data/a_1", "data/10", "data/9", "data/a1", "config/z" })
            await StoreAsync(name, Bytes(name.Length));
        var items = await ListAsync("data");
        Assert.Equal(["10", "9", "a", "a-1", "a.1", "a1", "a_1", "b"], items.Select(item => item.Name));
        Assert.Equal(["a"], items.Where(item => item.IsDirectory).Select(item => item.Name));
        Assert.All(items, item => Assert.Equal(item.IsDirectory ? 0 : "data/".Length + item.Name.Length, item.Size));
        Assert.Equal(["config", "data"], await ListNamesAsync(""));
        Assert.Equal(["x"], await ListNamesAsync("data/a"));
    }

    [Fact]
    public async Task A_tree_lists_files_below_a_directory_by_their_path()
    {
        foreach (var name in new[] { "data/ab/cd/abcd", "data/ab/ce/abce", "data/ff", "data/aa/00/aa00", "config/z", "root" })
            await StoreAsync(name, Bytes(name.Length));
        var items = await ListAsync("data", ListScope.Tree);
        Assert.Equal(["aa/00/aa00", "ab/cd/abcd", "ab/ce/abce", "ff"], items.Select(item => item.Name));
        Assert.All(items, item => Assert.Equal((false, "data/".Length + item.Name.Length), (item.IsDirectory, item.Size)));
        Assert.Equal(["cd/abcd", "ce/abce"], await ListNamesAsync("data/ab", ListScope.Tree));
        Assert.Equal(6, (await ListAsync("", ListScope.Tree)).Count);
    }

    [Theory]
    [InlineData(ListScope.OneLevel)]
    [InlineData(ListScope.Tree)]
    public async Task A_missing_directory_fails_as_the_listing_begins(ListScope scope)
    {
        SkipIf(BackendLimits.NoDirectories);
        await StoreAsync("data/a", [1]);
        foreach (var directory in new[] { "none", "data/none/at/all" })
            await AssertFailsAsync(StoreError.ObjectNotFound, () => ListAsync(directory, scope).AsTask());
    }

    [Fact]
    public async Task Nothing_is_listed_of_an_empty_store()
    {
        Assert.Empty(await ListAsync(""));
        Assert.Empty(await ListAsync("", ListScope.Tree));
        SkipIf(BackendLimits.NoDirectories);
        await Store.MakeDirectoryAsync("data", Ct);
        Assert.Empty(await ListAsync("data"));
        Assert.Empty(await ListAsync("", ListScope.Tree));
    }

    [Fact]
    public async Task Unfinished_hidden_and_foreign_names_are_left_out()
    {
        await StoreAsync("data/a", [1]);
        foreach (var name in new[] { "data/x.tmp", "data/quota.hid", "data/Upper", "data/with blank", "data/b..c", "data/ümlaut", "Foreign/a" })
            if (!await PutRawAsync(name, [1]))
                Assert.Skip("Nothing can be put past this backend.");
        Assert.Equal(["a"], await ListNamesAsync("data"));
        Assert.Equal(["data/a"], await ListNamesAsync("", ListScope.Tree));
    }

    [Theory]
    [InlineData(ListScope.OneLevel)]
    [InlineData(ListScope.Tree)]
    public async Task What_vanishes_while_a_listing_runs_is_no_failure(ListScope scope)
    {
        var names = Enumerable.Range(0, 60).Select(i => $"{i:00}").ToList();
        foreach (var name in names) await StoreAsync($"data/{name}", [1]);
        var seen = new List<string>();
        await foreach (var item in Store.ListAsync("data", scope, Ct))
        {
            if (seen.Count == 0)
                foreach (var name in names[1..])
                    Assert.True(await Store.DeleteAsync($"data/{name}", Ct));
            seen.Add(item.Name);
        }
        Assert.Equal("00", seen[0]);
        Assert.Equal(seen, seen.Intersect(names).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_listing_can_be_left_and_cancelled()
    {
        for (var i = 0; i < 30; i++) await StoreAsync($"data/{i:00}", [1]);
        await foreach (var item in Store.ListAsync("data", ListScope.OneLevel, Ct))
        {
            Assert.Equal("00", item.Name);
            break;
        }

        using var source = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var count = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Store.ListAsync("data", ListScope.Tree, source.Token))
                if (++count == 3)
                    await source.CancelAsync();
        });
        Assert.Equal(3, count);
    }

    [Fact]
    public async Task Many_items_are_listed_completely()
    {
        var names = Enumerable.Range(0, 1200).Select(i => $"{i:x4}").ToList();
        await Parallel.ForEachAsync(names, Ct, async (name, token) => await Store.StoreAsync($"data/{name}", new byte[] { 1 }, StoreMode.Overwrite, token));
        Assert.Equal(names.Order(StringComparer.Ordinal), await ListNamesAsync("data"));
        Assert.Equal(names.Order(StringComparer.Ordinal), await ListNamesAsync("data", ListScope.Tree));
    }
}
