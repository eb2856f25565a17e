using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Tests.Stores;

public sealed class StoreItemTests : StoreFixture
{
    [Fact]
    public async Task Stored_values_are_loaded_unchanged()
    {
        await using var store = await CreateAsync(("config", 0), ("data", 2));
        await store.StoreAsync("config/main", Bytes("one"));
        await store.StoreAsync("data/0123456789", new StoreValue(new MemoryStream(Bytes("streamed")), 8));
        Assert.Equal(Bytes("one"), await store.LoadAsync("config/main"));
        Assert.True(File.Exists(Folder.Combine("store", "data", "01", "23", "0123456789")));
        await using var stream = await store.OpenReadAsync("data/0123456789");
        Assert.Equal(8, stream.Length);
        Assert.Equal(Bytes("streamed"), await stream.ReadToEndAsync());
        var info = await store.GetInfoAsync("data/0123456789");
        Assert.Equal(("data/0123456789", "data", "0123456789", 8L, false, 2), (info.Name, info.Namespace, info.Key, info.Size, info.IsDeleted, info.Level));
    }

    [Theory]
    [InlineData(0, null, "0123456789")]
    [InlineData(3, null, "3456789")]
    [InlineData(3, 2L, "34")]
    [InlineData(-3, null, "789")]
    [InlineData(-3, 2L, "78")]
    [InlineData(-30, null, "0123456789")]
    [InlineData(0, 0L, "")]
    [InlineData(10, null, "")]
    [InlineData(99, 5L, "")]
    [InlineData(8, 99L, "89")]
    public async Task Load_of_a_range_returns_that_part_of_the_value(long offset, long? length, string expected)
    {
        await using var store = await CreateAsync(("data", 0));
        await store.StoreAsync("data/x", Bytes("0123456789"));
        Assert.Equal(Bytes(expected), await store.LoadAsync("data/x", new(offset, length)));
    }

    [Fact]
    public async Task The_time_of_a_soft_deletion_is_not_that_of_the_last_write()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells it.");
        await using var store = await CreateAsync(("config", 0));
        await store.StoreAsync("config/old", Bytes("x"));
        var written = new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(Folder.Combine("store", "config", "old"), written);
        Assert.Null((await store.GetInfoAsync("config/old")).DeletedTime);
        var earliest = DateTime.UtcNow.AddSeconds(-1);
        await store.SoftDeleteAsync("config/old");
        var item = Assert.Single(await store.ListAllAsync(ItemSelection.Deleted).ToListAsync());
        Assert.Equal(written, item.LastWriteTime);
        Assert.InRange(item.DeletedTime!.Value, earliest, DateTime.UtcNow.AddSeconds(1));
        Assert.Equal(item, await store.GetInfoAsync("config/old", deleted: true));
    }

    [Fact]
    public async Task Operations_on_a_missing_item_fail_and_name_it()
    {
        await using var store = await CreateAsync(("data", 1));
        foreach (var operation in new Func<Task>[]
        {
            async () => await store.LoadAsync("data/none"), async () => await store.LoadAsync("data/none", new(0, 0)),
            async () => await store.GetInfoAsync("data/none"), async () => await store.DeleteAsync("data/none"),
            async () => await store.HashAsync("data/none", HashKind.Sha256), async () => await store.SoftDeleteAsync("data/none"),
            async () => await store.UndeleteAsync("data/none"), async () => await store.MoveAsync("data/none", "data/other"),
        })
        {
            var error = await FailsAsync(StoreError.ObjectNotFound, operation);
            Assert.Equal("data/none", error.Name);
        }
        Assert.Null(await store.FindAsync("data/none"));
    }

    [Fact]
    public async Task Soft_deletion_hides_an_item_until_it_is_restored()
    {
        await using var store = await CreateAsync(("data", 1));
        await store.StoreAsync("data/0123", Bytes("old"));
        await store.SoftDeleteAsync("data/0123");
        Assert.True(File.Exists(Folder.Combine("store", "data", "01", "0123.del")));
        Assert.Null(await store.FindAsync("data/0123"));
        Assert.Equal(Bytes("old"), await store.LoadAsync("data/0123", deleted: true));
        Assert.Empty(await store.ListAsync("data").ToListAsync());
        Assert.Equal("data/0123", Assert.Single(await store.ListAsync("data", ItemSelection.Deleted).ToListAsync()).Name);

        await store.StoreAsync("data/0123", Bytes("new"));
        Assert.Equal(2, (await store.ListAsync("data", ItemSelection.All).ToListAsync()).Count);
        await FailsAsync(StoreError.ObjectAlreadyExists, async () => await store.UndeleteAsync("data/0123"));
        Assert.Equal(Bytes("new"), await store.LoadAsync("data/0123"));

        await store.UndeleteAsync("data/0123", StoreMode.Overwrite);
        Assert.Equal(Bytes("old"), await store.LoadAsync("data/0123"));
        Assert.Empty(await store.ListAsync("data", ItemSelection.Deleted).ToListAsync());
    }

    [Fact]
    public async Task Deleting_a_soft_deleted_item_leaves_its_live_namesake()
    {
        await using var store = await CreateAsync(("data", 0));
        await store.StoreAsync("data/x", Bytes("old"));
        await store.SoftDeleteAsync("data/x");
        await store.StoreAsync("data/x", Bytes("live"));
        await store.DeleteAsync("data/x", deleted: true);
        Assert.Equal(Bytes("live"), await store.LoadAsync("data/x"));
        await FailsAsync(StoreError.ObjectNotFound, async () => await store.LoadAsync("data/x", deleted: true));
    }

    [Fact]
    public async Task Moves_work_across_namespaces_and_levels()
    {
        await using var store = await CreateAsync(("a", 0), ("b", 2));
        await store.StoreAsync("a/0123456", Bytes("1"));
        await store.MoveAsync("a/0123456", "b/0123456");
        Assert.Equal(Bytes("1"), await store.LoadAsync("b/0123456"));
        await store.StoreAsync("a/x", Bytes("2"));
        await FailsAsync(StoreError.ObjectAlreadyExists, async () => await store.MoveAsync("b/0123456", "a/x", StoreMode.CreateNew));
        await store.MoveAsync("b/0123456", "a/x");
        Assert.Equal(Bytes("1"), await store.LoadAsync("a/x"));
        Assert.Null(await store.FindAsync("b/0123456"));
    }

    [Fact]
    public async Task A_namespace_matches_only_complete_path_elements()
    {
        await using var store = await CreateAsync(("data", 1));
        var error = await FailsAsync(StoreError.LayoutUnknown, async () => await store.StoreAsync("database/x123", Bytes("1")));
        Assert.Contains("'database'", error.Message, StringComparison.Ordinal);
        await FailsAsync(StoreError.LayoutUnknown, async () => await store.LoadAsync("key-alone"));
    }

    [Theory]
    [InlineData("data/ABC")]
    [InlineData("data/a b")]
    [InlineData("data/../x")]
    [InlineData("data/x.tmp")]
    [InlineData("data/nul")]
    [InlineData("data/a:b")]
    [InlineData("data/")]
    [InlineData("data/a.del")]
    [InlineData("data/ab/abc")]
    [InlineData("nested/aa/bb")]
    [InlineData("nested/bb/bb")]
    [InlineData("nested/aa/aabb")]
    [InlineData("nested/abcd.del")]
    public async Task Invalid_names_are_rejected_before_anything_is_written(string name)
    {
        await using var store = await CreateAsync(("data", 0), ("nested", 1));
        await FailsAsync(StoreError.InvalidName, async () => await store.StoreAsync(name, Bytes("1")));
        Assert.Empty(Directory.GetFiles(Folder.Combine("store"), "*", SearchOption.AllDirectories));

        var source = name.StartsWith("data", StringComparison.Ordinal) ? "data/source" : "nested/source";
        await store.StoreAsync(source, Bytes("1"));
        foreach (var deleted in new[] { false, true })
        {
            await FailsAsync(StoreError.InvalidName, async () => await store.MoveAsync(source, name, deleted: deleted));
            if (!deleted) await store.SoftDeleteAsync(source);
        }
        await store.UndeleteAsync(source);
        await FailsAsync(StoreError.InvalidName, async () => await store.DefragAsync(source.Split('/')[0], [new(source, 0, 1)], name));
        Assert.Single(await store.ListAllAsync(ItemSelection.All).ToListAsync());
    }

    [Fact]
    public async Task Keys_may_contain_slashes_in_a_flat_namespace()
    {
        await using (var store = await CreateAsync(("data", 0), ("nested", 2)))
        {
            foreach (var name in new[] { "data/a/b", "data/a/c/d", "data/plain", "nested/00112233" }) await store.StoreAsync(name, Bytes(name));
            await store.SoftDeleteAsync("data/a/b");
        }
        // A foreign file that is not an item.
        Directory.CreateDirectory(Folder.Combine("store", "nested", "aa", "bb"));
        await File.WriteAllTextAsync(Folder.Combine("store", "nested", "aa", "bb", "cc"), "x", TestContext.Current.CancellationToken);

        await using var opened = await OpenAsync();
        Assert.All(opened.Layout.Namespaces, ns => Assert.True(ns.IsKnown));
        var items = await opened.ListAllAsync(ItemSelection.All).ToListAsync();
        Assert.Equal(["data/a/b", "data/a/c/d", "data/plain", "nested/00112233"], items.Select(item => item.Name).Order(StringComparer.Ordinal));
        foreach (var item in items) Assert.Equal(Bytes(item.Name), await opened.LoadAsync(item.Name, deleted: item.IsDeleted));
        Assert.Equal(1, opened.GetStatistics().ForeignNames);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task An_item_at_another_level_gives_an_error_that_names_both_levels(int given)
    {
        const string Name = "data/0011223344";
        await using (var store = await CreateAsync(("data", 2))) await store.StoreAsync(Name, Bytes("1"));
        await using var wrong = await OpenAsync(new(("data", given)));
        Assert.Equal(Name, Assert.Single(await wrong.ListAllAsync().ToListAsync()).Name);
        foreach (var act in new Func<Task>[]
        {
            async () => await wrong.LoadAsync(Name), async () => await wrong.GetInfoAsync(Name), async () => await wrong.DeleteAsync(Name),
            async () => await wrong.SoftDeleteAsync(Name), async () => await wrong.HashAsync(Name, BorgStore.Hashing.HashKind.Sha256),
            async () => await wrong.StoreAsync("data/0099887766", Bytes("2")), async () => await wrong.MoveAsync(Name, "data/5566778899"),
        })
        {
            var error = await FailsAsync(StoreError.LayoutUnknown, act);
            Assert.Contains($"was given level {given}, but holds items at level ", error.Message, StringComparison.Ordinal);
        }
        await using var right = await OpenAsync(new(("data", 2)));
        await FailsAsync(StoreError.ObjectNotFound, async () => await right.LoadAsync("data/0099"));
    }

    [Fact]
    public async Task A_key_too_short_for_its_level_is_rejected()
    {
        await using var store = await CreateAsync(("data", 2));
        Assert.Contains("at least 4", (await FailsAsync(StoreError.InvalidName, async () => await store.StoreAsync("data/abc", Bytes("1")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gather_works_across_namespaces_and_levels_and_for_soft_deleted_items()
    {
        await using (var old = await CreateAsync(("data", 0), ("config", 0))) await old.StoreAsync("data/aabbcc", Bytes("old value"));
        await using var store = await OpenAsync(new StoreLayout([new NamespaceLayout("data", 0, 1), new NamespaceLayout("config", 0)]));
        await store.StoreAsync("data/ddeeff", Bytes("new value"));
        await store.StoreAsync("config/main", Bytes("color"));
        Block[] blocks = [new("data/ddeeff", 0, 3), new("config/main", -2, 2), new("data/aabbcc", 0, 3), new("data/missing", 7, 0)];
        await using (var value = await store.GatherAsync(blocks)) Assert.Equal("neworold", System.Text.Encoding.ASCII.GetString(await value.ReadToEndAsync()));

        var missing = await Assert.ThrowsAsync<StoreException>(() => store.GatherAsync([blocks[0], new("data/missing", 0, 1)]).AsTask());
        Assert.Equal((StoreError.ObjectNotFound, "data/missing"), (missing.Error, missing.Name));
        var outside = await Assert.ThrowsAsync<StoreException>(() => store.GatherAsync([blocks[0], new("data/aabbcc", 8, 2)]).AsTask());
        Assert.Equal((StoreError.ReadRange, "data/aabbcc"), (outside.Error, outside.Name));

        await store.SoftDeleteAsync("config/main");
        await using (var value = await store.GatherAsync([new("config/main", 0, 5)], deleted: true)) Assert.Equal(5, value.Length);
    }

    [Theory]
    [InlineData(".del")]
    [InlineData("data/.del")]
    [InlineData("data/ab/.del")]
    [InlineData(".del/x")]
    [InlineData("data/.del/x")]
    [InlineData(".del/.del")]
    [InlineData("data/.del.del")]
    [InlineData("data/ab/.del.del")]
    [InlineData("data/a\u0001b")]
    [InlineData("data/...")]
    [InlineData("data/-")]
    public async Task Foreign_files_do_not_make_a_store_unusable(string foreign)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() && foreign is "data/a\u0001b" or "data/...", "Windows cannot hold such names.");
        await using (var store = await CreateAsync(("data", 1), ("", 0))) await store.StoreAsync("data/abcd", Bytes("value"));
        var file = Folder.Combine("store/" + foreign);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, "foreign");

        foreach (var layout in new[] { null, new StoreLayout([new NamespaceLayout("data", 1)]), new StoreLayout([new NamespaceLayout("data", 0), new NamespaceLayout("", 0)]) })
        {
            await using var store = await OpenAsync(layout);
            var items = await store.ListAllAsync(ItemSelection.All).ToListAsync();
            Assert.Contains(items, item => item.Name.EndsWith("abcd", StringComparison.Ordinal));
            // With a wrong level, an item is listed but not found.
            foreach (var item in items.Where(item => item.Level == store.Layout.Find(item.Name)!.WriteLevel))
                Assert.Equal(item.Size, (await store.LoadAsync(item.Name, default, item.IsDeleted)).Length);
        }
    }

    [Fact]
    public async Task Names_that_are_valid_on_one_platform_only_can_be_read_and_are_counted()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows cannot hold such names.");
        await using var store = await CreateAsync(("data", 0));
        Directory.CreateDirectory(Folder.Combine("store", "data"));
        File.WriteAllText(Folder.Combine("store", "data", "a:b"), "foreign");
        Assert.Equal("data/a:b", Assert.Single(await store.ListAsync("data").ToListAsync()).Name);
        Assert.Equal(Bytes("foreign"), await store.LoadAsync("data/a:b"));
        Assert.Equal(1, store.GetStatistics().ForeignNames);
        await FailsAsync(StoreError.InvalidName, async () => await store.StoreAsync("data/a:b", Bytes("1")));
    }

    [Fact]
    public async Task Defrag_creates_one_item_named_by_its_content()
    {
        await using var store = await CreateAsync(("packs", 1));
        await store.StoreAsync("packs/aaaa", Bytes("0123456789"));
        await store.StoreAsync("packs/bbbb", Bytes("abcdefghij"));
        var target = await store.DefragAsync("packs", [new("packs/bbbb", 2, 3), new("packs/aaaa", 0, 4)], HashKind.Sha256);
        Assert.Equal("packs/" + HashKind.Sha256.ComputeHex("cde0123"u8), target);
        Assert.Equal(Bytes("cde0123"), await store.LoadAsync(target));
        Assert.Equal("packs/named", await store.DefragAsync("packs", [new("packs/aaaa", 9, 1)], "packs/named"));
        Assert.Equal(Bytes("9"), await store.LoadAsync("packs/named"));
        Assert.Contains("packs", (await FailsAsync(StoreError.ReadRange, async () => await store.DefragAsync("packs", [new("packs/aaaa", 8, 5)], HashKind.Sha256))).Message, StringComparison.Ordinal);
        await FailsAsync(StoreError.ObjectNotFound, async () => await store.DefragAsync("packs", [new("packs/none", 0, 1)], HashKind.Sha256));
        Assert.Equal(4, (await store.ListAsync("packs").ToListAsync()).Count);
    }
}
