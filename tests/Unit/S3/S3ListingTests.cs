using BorgStore.Backends;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>Listings longer than a page.</summary>
public sealed class S3ListingTests(CephServer ceph) : S3Test(ceph)
{
    [Fact]
    public async Task Thousands_of_directories_and_items_are_listed_completely_and_in_order()
    {
        var count = LongTests.Choose(quick: 1_100, @long: 10_000);
        var names = Enumerable.Range(0, count).Select(i => i % 2 == 0 ? $"data/{i:x4}/x" : $"data/{i - 1:x4}-{i}").ToList();
        await PutManyAsync(names);
        var level = await ListAsync("data", ListScope.OneLevel);
        Assert.Equal(names.Select(name => name.Split('/')[1]).Distinct().Order(StringComparer.Ordinal), level);
        Assert.Equal(names.Order(StringComparer.Ordinal), (await ListAsync("", ListScope.Tree)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Pages_of_foreign_keys_and_markers_are_skipped()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 1100), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct }, async (i, _) =>
            await Server.PutAsync(i % 2 == 0 ? $"{Path}/data/Foreign key+&%{i}" : $"{Path}/data/{i:000000}/", []));
        await PutManyAsync(["data/zz", "data/000001/item"]);
        Assert.Equal(["000001/item", "zz"], await ListAsync("data", ListScope.Tree));
        Assert.Equal(["000001", "zz"], (await ListAsync("data", ListScope.OneLevel)).Where(name => name is "000001" or "zz"));

        // They are not destroyed with the store.
        var before = await Server.ListAsync(Path + "/");
        await Store.DisposeAsync();
        await using var destroyer = BorgStore.Backends.S3.S3Backend.Create(Server.UrlOf(Path), new());
        Assert.Contains("Foreign key", (await Assert.ThrowsAsync<StoreException>(() => destroyer.DestroyAsync(Ct))).Message, StringComparison.Ordinal);
        Assert.Equal(before, await Server.ListAsync(Path + "/"));
    }

    [Fact]
    public async Task A_directory_with_only_a_marker_is_empty_and_not_missing()
    {
        await Server.PutAsync($"{Path}/data/", []);
        Assert.Empty(await ListAsync("data", ListScope.OneLevel));
        Assert.Empty(await ListAsync("data", ListScope.Tree));
        Assert.Equal(["data"], await ListAsync("", ListScope.OneLevel));
    }
}
