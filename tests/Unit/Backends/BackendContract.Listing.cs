using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task A_one_level_listing_returns_files_and_directories_in_ordinal_order()
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
    public async Task A_tree_listing_returns_files_by_their_relative_path()
    {
        foreach (var name in new[] { "data/ab/cd/abcd", "data/ab/ce/abce", "data/ff", "data/aa/00/aa00", "config/z", "root" })
            await StoreAsync(name, Bytes(name.Length));
        var items = await ListAsync("data", ListScope.Tree);
        Assert.Equal(["aa/00/aa00", "ab/cd/abcd", "ab/ce/abce", "ff"], items.Select(item => item.Name));
        Assert.All(items, item => Assert.Equal((false, "data/".Length + item.Name.Length), (item.IsDirectory, item.Size)));
        Assert.Equal(["cd/abcd", "ce/abce"], await ListNamesAsync("data/ab", ListScope.Tree));
        Assert.Equal(6, (await ListAsync("", ListScope.Tree)).Count);
    }

    [Fact]
    public async Task A_listing_by_prefix_returns_what_starts_with_it_and_everything_below()
    {
        var names = new[] { "data/ab/cd/abcd", "data/ab/ce/abce", "data/ab-1", "data/ab.1", "data/abc/zz", "data/ac/ab", "data/b/ab", "dat", "databases/ab" };
        foreach (var name in names) await StoreAsync(name, Bytes(name.Length));
        foreach (var (directory, prefix) in new[] { ("data", "ab"), ("data", "ab."), ("data", "a"), ("data", "b"), ("data/ab", "c"), ("data/ab/cd", "abcd"), ("", "data"), ("", "databases"), ("data", "") })
        {
            foreach (var scope in Enum.GetValues<ListScope>())
            {
                var expected = (await ListAsync(directory, scope)).Where(item => item.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
                Assert.NotEmpty(expected);
                // The access time may have changed since.
                Assert.Equal(expected.Select(Describe), (await Store.ListAsync(directory, scope, prefix, Ct).ToListAsync(Ct)).Select(Describe));
            }
        }

        static (string, long, bool) Describe(ItemInfo item) => (item.Name, item.Size, item.IsDirectory);
    }

    [Theory]
    [InlineData(ListScope.OneLevel)]
    [InlineData(ListScope.Tree)]
    public async Task A_listing_by_a_prefix_without_names_is_empty_or_finds_no_directory(ListScope scope)
    {
        await StoreAsync("data/ab/cd/abcd", [1]);
        foreach (var (directory, prefix) in new[] { ("data", "abc"), ("data", "x"), ("data/ab", "ab"), ("", "data0") })
            Assert.Empty(await Store.ListAsync(directory, scope, prefix, Ct).ToListAsync(Ct));
        try
        {
            Assert.Empty(await Store.ListAsync("data/00/12", scope, "0012", Ct).ToListAsync(Ct));
        }
        catch (StoreException e)
        {
            Assert.Equal(StoreError.ObjectNotFound, e.Error);
        }
    }

    [Theory]
    [InlineData(ListScope.OneLevel)]
    [InlineData(ListScope.Tree)]
    public async Task Listing_a_missing_directory_fails(ListScope scope)
    {
        SkipIf(BackendLimits.NoDirectories);
        await StoreAsync("data/a", [1]);
        foreach (var directory in new[] { "none", "data/none/at/all" })
            await AssertFailsAsync(StoreError.ObjectNotFound, () => ListAsync(directory, scope).AsTask());
    }

    [Fact]
    public async Task Listing_an_empty_store_returns_nothing()
    {
        Assert.Empty(await ListAsync(""));
        Assert.Empty(await ListAsync("", ListScope.Tree));
        SkipIf(BackendLimits.NoDirectories);
        await Store.MakeDirectoryAsync("data", Ct);
        Assert.Empty(await ListAsync("data"));
        Assert.Empty(await ListAsync("", ListScope.Tree));
    }

    [Fact]
    public async Task Listings_skip_unfinished_hidden_and_invalid_names()
    {
        await StoreAsync("data/a", [1]);
        foreach (var name in new[] { "data/x.tmp", "data/quota.hid", "data/Upper", "data/with blank", "data/b..c", "data/ümlaut", "Foreign/a" })
            if (!await PutRawAsync(name, [1]))
                Assert.Skip("Nothing can be put past this backend.");
        Assert.Equal(["a"], await ListNamesAsync("data"));
        Assert.Equal(["data/a"], await ListNamesAsync("", ListScope.Tree));
    }

    [Fact]
    public async Task A_raw_listing_also_has_temporary_hidden_and_foreign_names()
    {
        string[] items = ["a", "b", "gone.del"];
        string[] others = ["a.tmp", "b..c", "quota.hid", "Upper", "with blank", "x.tmp", "ümlaut"];
        await StoreAsync("data/a", [1]);
        await StoreAsync("data/b/c", [1]);
        await StoreAsync("data/gone.del", [1]);
        foreach (var name in others)
            if (!await PutRawAsync($"data/{name}", Bytes(name.Length)))
                Assert.Skip("Nothing can be put past this backend.");
        Assert.True(await PutRawAsync("data/Folder/a", [1]));
        Assert.True(await PutRawAsync("Foreign/a", [1]));

        // In the order of all listings, by which the verification walks a store and says how far it came.
        string[] expected = ShowsForeignNames ? [.. items, .. others, "Folder"] : items;
        var found = await ListAsync("data", ListScope.RawLevel);
        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Select(item => item.Name));
        Assert.Equal(expected.Intersect(["b", "Folder"]).Order(StringComparer.Ordinal), found.Where(item => item.IsDirectory).Select(item => item.Name));
        Assert.All(found, item => Assert.Equal(item.IsDirectory ? 0 : others.Contains(item.Name) ? item.Name.Length : 1, item.Size));
        // Some storages have hidden files of their own there.
        Assert.Equal(ShowsForeignNames ? ["Foreign", "data"] : ["data"], (await ListNamesAsync("", ListScope.RawLevel)).Where(name => !name.EndsWith(".hid", StringComparison.Ordinal)));
        Assert.Equal(ShowsForeignNames ? ["x.tmp"] : [], await Store.ListAsync("data", ListScope.RawLevel, "x", Ct).Select(item => item.Name).ToListAsync(Ct));
        Assert.Equal(items, await ListNamesAsync("data"));
        SkipIf(BackendLimits.NoDirectories);
        await AssertFailsAsync(StoreError.ObjectNotFound, () => ListAsync("none", ListScope.RawLevel).AsTask());
    }

    [Fact]
    public async Task A_raw_listing_of_the_whole_tree_has_everything_below_and_continues_after_any_path()
    {
        string[] names = ["a", "a+/x", "a-b/x", "a.tmp", "a/x", "a/x/y", "a/x-1", "a/z.del", "a0", "b/Folder/one two", "b/c", "c\u0001/\u0002x", "ü/x", "\uE000\uFFFE/x", "\U00010000x"];
        await StoreAsync("data/a-b/x", [1]);
        await Store.MakeDirectoryAsync("data/empty", Ct);
        await StoreAsync("database/a", [1]);
        if (Store.ListRawTreeAsync("data", "", Ct) is null) Assert.Skip("This storage lists directories one at a time.");
        foreach (var name in names) Assert.True(await PutRawAsync($"data/{name}", Bytes(name.Length)));

        var found = await Store.ListRawTreeAsync("data", "", Ct)!.ToListAsync(Ct);
        Assert.Contains(found, item => item is { Name: "empty/", IsDirectory: true });
        Assert.All(found, item => Assert.Equal((item.Name.EndsWith('/'), item.IsDirectory ? 0 : item.Name.Length), (item.IsDirectory, item.Size)));
        Assert.Equal(names.Order(StringComparer.Ordinal), found.Where(item => !item.IsDirectory).Select(item => item.Name).Order(StringComparer.Ordinal));
        // Each directory is in one piece.
        foreach (var directory in new[] { "a/", "a-b/", "a+/", "a/x/", "b/", "b/Folder/" })
        {
            var first = found.FindIndex(item => item.Name.StartsWith(directory, StringComparison.Ordinal));
            var last = found.FindLastIndex(item => item.Name.StartsWith(directory, StringComparison.Ordinal));
            Assert.All(found[first..(last + 1)], item => Assert.StartsWith(directory, item.Name, StringComparison.Ordinal));
        }
        for (var i = 0; i < found.Count; i++)
            Assert.Equal(found[(i + 1)..].Select(item => item.Name), await Store.ListRawTreeAsync("data", found[i].Name, Ct)!.Select(item => item.Name).ToListAsync(Ct));

        // Nothing need be there.
        Assert.True(await Store.DeleteAsync("data/a/z.del", Ct));
        Assert.Equal(found.Select(item => item.Name).SkipWhile(name => name != "a/z.del").Skip(1), await Store.ListRawTreeAsync("data", "a/z.del", Ct)!.Select(item => item.Name).ToListAsync(Ct));
        Assert.Empty(await Store.ListRawTreeAsync("data", "~", Ct)!.Where(item => item.Name[0] < '~').ToListAsync(Ct));
        await AssertFailsAsync(StoreError.ObjectNotFound, () => Store.ListRawTreeAsync("none", "", Ct)!.ToListAsync(Ct).AsTask());
    }

    [Theory]
    [InlineData(ListScope.OneLevel)]
    [InlineData(ListScope.Tree)]
    public async Task Items_deleted_during_a_listing_do_not_make_it_fail(ListScope scope)
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
    public async Task A_listing_can_be_abandoned_and_cancelled()
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
    public async Task A_listing_of_many_items_is_complete()
    {
        var names = Enumerable.Range(0, 1200).Select(i => $"{i:x4}").ToList();
        await Parallel.ForEachAsync(names, Ct, async (name, token) => await Store.StoreAsync($"data/{name}", new byte[] { 1 }, StoreMode.Overwrite, token));
        Assert.Equal(names.Order(StringComparer.Ordinal), await ListNamesAsync("data"));
        Assert.Equal(names.Order(StringComparer.Ordinal), await ListNamesAsync("data", ListScope.Tree));
    }
}
