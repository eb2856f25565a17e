using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Security;

namespace BorgStore.Tests.Stores;

/// <summary>Listing by a prefix of the keys: it finds what the whole listing has, and reads only the directories that can hold it.</summary>
public sealed class PrefixListingTests : StoreFixture
{
    private static readonly string[] Prefixes =
        ["0", "00", "001", "0012", "00123", "001234", "0012345678", "1", "01", "a", "a/", "a/b", "a/b/00", "ab.", ".", "..", "./", "../", "../other/", "/", "x//", "00/", "00/12", "zz", "A", "0012.d"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("data", 0)]
    [InlineData("data", 1)]
    [InlineData("data", 2)]
    [InlineData("data", 3)]
    [InlineData("data", 1, 2)]
    [InlineData("data", 2, 0)]
    [InlineData("data", 0, 1, 2, 3)]
    [InlineData("", 0)]
    [InlineData("", 2)]
    [InlineData("outer/inner", 2)]
    public async Task A_prefix_selects_the_same_items_in_the_same_order_as_a_filter_of_the_whole_listing(string ns, params int[] levels)
    {
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new([new NamespaceLayout(ns, levels), new NamespaceLayout("other", 0)]), Durability = Durability.None }, Ct);
        string[] keys = ["00", "001", "0012", "00123", "0012345678", "0012ffffff", "00129", "0013000000", "0112345678", "1000000000", "ab.12345", "ab123456", "a-123456", "a_1", "0"];
        foreach (var level in levels)
        {
            // The file of a short key without levels would be where the others need a directory.
            foreach (var key in keys.Where(key => level > 0 || levels.Length == 1 || key.Length > 2).Concat(level == 0 ? ["a/b/001", "a/c"] : []))
                await PutAsync(ns, key, level);
        }
        await store.StoreAsync("other/00123456", Bytes("1"), cancellationToken: Ct);
        foreach (var selection in Enum.GetValues<ItemSelection>())
        {
            var all = await store.ListAsync(ns, selection, Ct).ToListAsync(Ct);
            Assert.NotEmpty(all);
            foreach (var prefix in Prefixes)
                Assert.Equal(all.Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal)), await store.ListAsync(ns, prefix, selection, Ct).ToListAsync(Ct));
        }
    }

    [Theory]
    [InlineData("2", "0012", "data/00/12")]
    [InlineData("2", "0012345", "data/00/12")]
    [InlineData("2", "001", "data/00", "data/00/12", "data/00/13")]
    [InlineData("2", "00", "data/00", "data/00/12", "data/00/13", "data/00/24")]
    [InlineData("2", "0", "data", "data/00", "data/00/12", "data/00/13", "data/00/24", "data/01", "data/01/23")]
    [InlineData("2", "ff12", "data/ff/12")]
    [InlineData("2", "00/12")]
    [InlineData("0", "0012", "data")]
    [InlineData("1,2", "0012", "data/00", "data/00/12")]
    [InlineData("0,2", "0012", "data", "data/00/12")]
    [InlineData("0,1,2,3", "00", "data", "data/00", "data/00/12", "data/00/13", "data/00/24")]
    public async Task A_prefix_reads_only_the_directories_that_can_hold_its_keys(string levels, string prefix, params string[] directories)
    {
        await using (await CreateAsync(("data", 2)))
            foreach (var key in new[] { "00123456", "00125678", "00130000", "00240000", "01234567", "12000000", "ffff0000" })
                await PutAsync("data", key, 2);
        var read = new ReadDirectories(new FileBackend(Folder.Combine("store")));
        var layout = new NamespaceLayout("data", [.. levels.Split(',').Select(int.Parse)]);
        await using var store = await Store.OpenAsync(read, new(Folder.StoreUrl) { Layout = new([layout]) }, Ct);
        // The given levels are checked once, when nothing is found.
        Assert.Empty(await store.ListAsync("data", "0fffff", cancellationToken: Ct).ToListAsync(Ct));
        read.Names.Clear();
        var found = await store.ListAsync("data", prefix, cancellationToken: Ct).ToListAsync(Ct);
        Assert.Equal(directories, read.Names.Order(StringComparer.Ordinal));
        Assert.All(found, item => Assert.StartsWith(prefix, item.Key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_namespace_inside_another_one_is_not_searched_for_its_keys()
    {
        await using (await CreateAsync(("photos", 0), ("photos/raw", 1))) await PutAsync("photos/raw", "00123456", 1);
        var read = new ReadDirectories(new FileBackend(Folder.Combine("store")));
        await using var store = await Store.OpenAsync(read, new(Folder.StoreUrl) { Layout = new(("photos", 0), ("photos/raw", 1)) }, Ct);
        Assert.Empty(await store.ListAsync("photos", "raw/00", cancellationToken: Ct).ToListAsync(Ct));
        Assert.Empty(read.Names);
        Assert.Single(await store.ListAsync("photos/raw", "001", cancellationToken: Ct).ToListAsync(Ct));
        Assert.Equal(["photos/raw/00"], read.Names);
    }

    [Fact]
    public async Task Items_at_other_levels_than_the_given_ones_are_found_if_there_are_none_at_these()
    {
        await using (await CreateAsync(("data", 1))) await PutAsync("data", "00123456", 1);
        await using var store = await OpenAsync(new(("data", 2)));
        Assert.Equal(["data/00123456"], (await store.ListAsync("data", "0012", cancellationToken: Ct).ToListAsync(Ct)).Select(item => item.Name));
    }

    [Fact]
    public async Task Only_the_directories_of_the_prefix_need_permission_and_a_refused_one_fails_the_listing_at_its_end()
    {
        await using (await CreateAsync(("data", 2)))
        {
            foreach (var key in new[] { "00123456", "00999999" }) await PutAsync("data", key, 2);
            await PutAsync("data", "00777777", 1);
        }
        var permissions = PermissionMap.Parse("""{"": "l", "data/00/99": "r"}""");
        await using var store = await Store.OpenAsync(new(Folder.StoreUrl) { Layout = new([new NamespaceLayout("data", 1, 2)]), Permissions = permissions }, Ct);
        Assert.Equal(["data/00123456"], (await store.ListAsync("data", "0012", cancellationToken: Ct).ToListAsync(Ct)).Select(item => item.Name));
        foreach (var (prefix, expected) in new[] { ("00", new[] { "data/00777777", "data/00123456" }), ("009", []), ("0099", []) })
        {
            var found = new List<string>();
            var error = await FailsAsync(StoreError.PermissionDenied, async () =>
            {
                await foreach (var item in store.ListAsync("data", prefix, cancellationToken: Ct)) found.Add(item.Name);
            });
            Assert.Equal(expected, found);
            Assert.Contains("'data/00/99'", error.Message, StringComparison.Ordinal);
        }
    }

    // Written as files, live and soft-deleted, because a store checks the levels of what it stores.
    private async Task PutAsync(string ns, string key, int level)
    {
        var path = Folder.Combine("store", Nesting.Nest(ns.Length == 0 ? key : $"{ns}/{key}", level));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllBytesAsync(path, [1], Ct);
        await File.WriteAllBytesAsync(path + ".del", [1, 2], Ct);
    }

    /// <summary>A storage that lists one directory at a time, and notes which.</summary>
    private sealed class ReadDirectories(IBackend inner) : DelegatingBackend(inner)
    {
        public ConcurrentQueue<string> Names { get; } = [];

        public override IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        {
            if (scope == ListScope.Tree) return TreeWalk.ListAsync(this, directory, prefix, cancellationToken);
            Names.Enqueue(directory);
            return base.ListAsync(directory, scope, prefix, cancellationToken);
        }
    }
}
