using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Synchronization;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Synchronization;

/// <summary>Comparing two stores, and a store and a folder.</summary>
public sealed class StoreComparisonTests : StoreFixture
{
    private async Task<Store> CreateAsync(string name, params (string Name, int Level)[] namespaces)
        => await Store.CreateAsync(new(new Uri(Folder.Combine(name)).AbsoluteUri) { Layout = new(namespaces) });

    private static async Task<string[]> CompareAsync(Store reference, Store difference, ComparisonOptions? options = null)
        => await new StoreComparison(reference, difference, options).RunAsync()
            .Select(found => $"{found.Kind} {found.Name}{(found.IsDeleted ? " deleted" : "")}").ToArrayAsync();

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 2)]
    [InlineData(2, 1)]
    [InlineData(1, 1)]
    public async Task Differences_are_found_whatever_the_levels(int levelA, int levelB)
    {
        await using var a = await CreateAsync("a", ("data", levelA));
        await using var b = await CreateAsync("b", ("data", levelB));
        foreach (var key in new[] { "0011-x", "0011", "1122", "1122.x", "11223", "2233", "ffff" })
        {
            await a.StoreAsync($"data/{key}", Bytes(key));
            await b.StoreAsync($"data/{key}", Bytes(key));
        }
        // The times of files are no finer.
        await Task.Delay(20);
        await a.StoreAsync("data/0000", Bytes("only here"));
        await b.StoreAsync("data/fffe", Bytes("only there"));
        await b.StoreAsync("data/2233", Bytes("longer"));
        await b.StoreAsync("data/1122", Bytes("xxxx"));
        await a.SoftDeleteAsync("data/11223");

        Assert.Equal(["OnlyInReference data/0000", "OnlyInDifference data/11223", "OnlyInReference data/11223 deleted", "Size data/2233", "OnlyInDifference data/fffe"],
            await CompareAsync(a, b));
        Assert.Contains("Content data/1122", await CompareAsync(a, b, new() { Check = ContentCheck.Hash }));
        // The value in b was written later, so it may be a copy; the one in a cannot be one of it.
        Assert.DoesNotContain("Content data/1122", await CompareAsync(a, b, new() { Check = ContentCheck.Time }));
        Assert.Contains("Content data/1122", await CompareAsync(b, a, new() { Check = ContentCheck.Time }));
    }

    [Fact]
    public async Task Keys_shorter_than_their_level_are_compared()
    {
        await using var a = await CreateAsync("a", ("data", 1));
        await using var b = await CreateAsync("b", ("data", 2));
        // A backend that sorts whole paths lists these in another order than one that sorts each directory.
        foreach (var (store, keys) in new[] { (a, new[] { "a0", "a", "a-", "abc", "ab-d" }), (b, ["abcd", "ab-d"]) })
        {
            foreach (var key in keys)
            {
                try
                {
                    await store.StoreAsync($"data/{key}", Bytes(key));
                }
                catch (StoreException e) when (e.Error == StoreError.InvalidName)
                {
                    // Only others write keys that do not fill their level.
                    var path = Path.Combine(Folder.Combine(store == a ? "a" : "b"), Nesting.Nest($"data/{key}", store == a ? 1 : 2));
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    await File.WriteAllTextAsync(path, key);
                }
            }
        }
        Assert.Equal(["None data/ab-d", "OnlyInDifference data/abcd", "OnlyInReference data/a", "OnlyInReference data/a-", "OnlyInReference data/a0", "OnlyInReference data/abc"],
            (await CompareAsync(a, b, new() { IncludesEqual = true })).OrderBy(line => line.Split('/')[1].Length < 4).ThenBy(line => line.Split('/')[1], StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_namespace_at_two_levels_is_compared_with_one_at_another()
    {
        await using var a = await CreateAsync("a", ("data", 0));
        await a.StoreAsync("data/0012", Bytes("1"));
        await a.StoreAsync("data/3456", Bytes("2"));
        await using var both = await Store.OpenAsync(new(a.Url) { Layout = new([new NamespaceLayout("data", 0, 2)]) });
        await both.ChangeLevelAsync("data/0012");
        await using var b = await CreateAsync("b", ("data", 1));
        await b.StoreAsync("data/0012", Bytes("1"));
        await b.StoreAsync("data/3456", Bytes("2"));
        Assert.Empty(await CompareAsync(both, b));
        Assert.Empty(await CompareAsync(b, both));
    }

    [Fact]
    public async Task Hashes_of_names_that_are_hashes_can_be_trusted()
    {
        await using var a = await CreateAsync("a", ("data", 2));
        await using var b = await CreateAsync("b", ("data", 2));
        var name = "data/" + new string('a', 64);
        await a.StoreAsync(name, Bytes("1"));
        await b.StoreAsync(name, Bytes("2"));
        await a.StoreAsync("data/main", Bytes("1"));
        await b.StoreAsync("data/main", Bytes("2"));
        Assert.Equal(["Content data/main"], await CompareAsync(a, b, new() { Check = ContentCheck.Hash, TrustNames = true }));
        Assert.Equal(2, (await CompareAsync(a, b, new() { Check = ContentCheck.Hash })).Length);
    }

    [Fact]
    public async Task Many_items_are_sorted_in_files_and_none_is_lost()
    {
        using var sorter = new ItemSorter { Namespace = "data" };
        var random = new Random(5);
        var names = Enumerable.Range(0, 250_000).Select(i => $"data/{random.Next():x8}{i:x8}").ToArray();
        var time = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        foreach (var name in names) sorter.Add(new(new StoreItem(name, "data", name.Length, IsDeleted: name[^1] == '0', 2, null, time)));
        var sorted = sorter.Sort().ToList();
        Assert.Equal(names.Order(StringComparer.Ordinal), sorted.Select(item => item.Item.Name));
        Assert.All(sorted, item => Assert.Equal(new(item.Item.Name, "data", item.Item.Name.Length, item.Item.Name[^1] == '0', 2, null, time), item.Item));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_folder_of_exported_items_is_compared_by_their_names()
    {
        await using var a = await CreateAsync("a", ("config", 0), ("data", 2));
        await a.StoreAsync("config/main", Bytes("1"));
        await a.StoreAsync("data/0012", Bytes("22"));
        await a.SoftDeleteAsync("data/0012");
        await a.StoreAsync("data/0013", Bytes("3"));
        foreach (var (name, deleted, text) in new[] { ("config/main", false, "1"), ("data/0012", true, "33"), ("data/con", false, "4") })
        {
            var path = ItemPath.Combine(Folder.Combine("export"), name, deleted);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, text);
        }
        var found = await new StoreComparison(a, Folder.Combine("export"), new() { Check = ContentCheck.Hash }).RunAsync()
            .Select(difference => $"{difference.Kind} {difference.Name}").ToArrayAsync();
        Assert.Equal(["Content data/0012", "OnlyInReference data/0013", "OnlyInDifference data/con"], found);
    }
}
