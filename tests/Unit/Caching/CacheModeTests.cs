using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Tests.Caching;

public sealed class CacheModeTests : CachingFixture
{
    public static TheoryData<CacheMode> Modes => [CacheMode.WriteThrough, CacheMode.Mirror];

    [Fact]
    public async Task A_second_pass_over_ten_thousand_items_is_served_from_the_cache()
    {
        await using (var plain = await OpenCachedAsync(CachePolicy.Off, level: 1))
            for (var i = 0; i < 10_000; i++)
                await plain.StoreAsync($"data/{i:x8}", BitConverter.GetBytes(i));

        await using var store = await OpenCachedAsync(WriteThrough with { Size = 1 << 20, MaxAge = TimeSpan.FromHours(1) }, level: 1);
        await PassAsync();
        Assert.Equal((10_000, 0, 10_000), (Primary.Loads, Figure(store, "cache_hits"), Figure(store, "cache_misses")));
        await PassAsync();
        Assert.Equal((10_000, 10_000, 10_000), (Primary.Loads, Figure(store, "cache_hits"), Figure(store, "backend_load_calls")));
        Assert.Equal((40_000, 0.5), (Figure(store, "cache_load_volume"), Figure(store, "cache_hit_ratio")));

        Task PassAsync() => Parallel.ForEachAsync(Enumerable.Range(0, 10_000), Ct, async (i, token) =>
            Assert.Equal(i, BitConverter.ToInt32(await store.LoadAsync($"data/{i:x8}", cancellationToken: token))));
    }

    [Fact]
    public async Task Gather_reads_ranges_of_a_cached_namespace_through_the_cache()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        foreach (var name in new[] { "data/a", "data/b", "config/c" }) await store.StoreAsync(name, Bytes(name));
        await store.ClearCacheAsync();
        for (var pass = 0; pass < 2; pass++)
        {
            await using var value = await store.GatherAsync([new("data/b", 5, 1), new("data/a", 0, 4), new("data/a", 4, 2), new("config/c", 7, 1)]);
            Assert.Equal(Bytes("bdata/ac"), await value.ReadToEndAsync(Ct));
        }
        Assert.Equal(2, Figure(store, "cache_misses"));
        Assert.Equal((2, 0), (Figure(store, "gather_calls"), Figure(store, "backend_gather_calls")));

        // Neither part can come from the cache, so they take a single call.
        await using var plain = await store.GatherAsync([new("config/c", 7, 1), new("config/c", 0, 1)]);
        Assert.Equal((3, 1), (Figure(store, "gather_calls"), Figure(store, "backend_gather_calls")));
    }

    [Fact]
    public async Task Cached_items_stay_cached_when_the_store_is_reopened()
    {
        await using (var store = await OpenCachedAsync(WriteThrough with { Size = 1 << 20 })) await store.StoreAsync("data/a", Bytes("value"));
        await using var again = await OpenCachedAsync(WriteThrough with { Size = 1 << 20 });
        Assert.Equal(Bytes("value"), await again.LoadAsync("data/a"));
        Assert.Equal(0, Primary.Loads);
    }

    [Fact]
    public async Task WriteThrough_writes_to_both_and_reads_from_the_cache()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", Bytes("one"));
        await store.StoreAsync("data/a", Bytes("three"));
        Assert.Equal(["data/a"], CachedFiles());
        Assert.Equal(Bytes("three"), await store.LoadAsync("data/a"));
        Assert.Equal(Bytes("re"), await store.LoadAsync("data/a", new(2, 2)));
        Assert.Equal(0, Primary.Loads);
        await store.DeleteAsync("data/a");
        Assert.Empty(CachedFiles());
        await FailsAsync(StoreError.ObjectNotFound, () => store.LoadAsync("data/a").AsTask());
    }

    [Fact]
    public async Task Mirror_always_reads_from_the_storage_and_keeps_its_copy_up_to_date()
    {
        await using (var plain = await OpenCachedAsync(CachePolicy.Off)) await plain.StoreAsync("data/a", Bytes("old"));
        await using var store = await OpenCachedAsync(new(CacheMode.Mirror));
        Assert.Equal(Bytes("ld"), await store.LoadAsync("data/a", new(-2)));
        Assert.Equal("old", await File.ReadAllTextAsync(Folder.Combine("cache", "data", "a"), Ct));
        await File.WriteAllTextAsync(Folder.Combine("store", "data", "a"), "changed by others", Ct);
        Assert.Equal(Bytes("changed by others"), await store.LoadAsync("data/a"));
        Assert.Equal("changed by others", await File.ReadAllTextAsync(Folder.Combine("cache", "data", "a"), Ct));
        Assert.Equal(2, Primary.Loads);
        File.Delete(Folder.Combine("store", "data", "a"));
        await FailsAsync(StoreError.ObjectNotFound, () => store.LoadAsync("data/a").AsTask());
        Assert.Empty(CachedFiles());
    }

    [Fact]
    public async Task Uncached_namespaces_bypass_the_cache()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("config/a", Bytes("1"));
        await store.LoadAsync("config/a");
        Assert.Empty(CachedFiles());
        Assert.Equal((1, 0), (Primary.Loads, Figure(store, "cache_misses")));
    }

    [Theory, MemberData(nameof(Modes))]
    public async Task The_cache_follows_deletions_undeletions_and_moves(CacheMode mode)
    {
        await using var store = await OpenCachedAsync(new(mode) { Size = 1000 }, level: 1);
        await store.StoreAsync("data/abcd", Bytes("value"));
        await store.SoftDeleteAsync("data/abcd");
        Assert.Equal(["data/ab/abcd.del"], CachedFiles());
        await FailsAsync(StoreError.ObjectNotFound, () => store.LoadAsync("data/abcd").AsTask());
        Assert.Equal(Bytes("value"), await store.LoadAsync("data/abcd", deleted: true));
        await store.UndeleteAsync("data/abcd");
        await store.MoveAsync("data/abcd", "data/ef01");
        Assert.Equal(["data/ef/ef01"], CachedFiles());
        Assert.Equal(Bytes("value"), await store.LoadAsync("data/ef01"));
        await store.MoveAsync("data/ef01", "config/out");
        Assert.Empty(CachedFiles());
        await store.MoveAsync("config/out", "data/1234");
        Assert.Equal(Bytes("value"), await store.LoadAsync("data/1234"));
        Assert.Equal(["data/12/1234"], CachedFiles());
    }

    [Fact]
    public async Task The_cache_follows_batch_deletions()
    {
        await using var store = await OpenCachedAsync(WriteThrough with { Size = 1000 });
        foreach (var name in new[] { "data/a", "data/b", "data/c", "config/d" }) await store.StoreAsync(name, Bytes(name));
        await store.SoftDeleteAsync("data/b");
        var items = await store.ListAllAsync(ItemSelection.All, Ct).Where(item => item.Key != "c").ToListAsync(Ct);
        Assert.Empty(await store.DeleteManyAsync(items, Ct));
        Assert.Equal(["data/c"], CachedFiles());
        Assert.Equal(["data/c"], await store.ListAllAsync(ItemSelection.All, Ct).Select(item => item.Name).ToListAsync(Ct));
        Assert.Equal(Bytes("data/c"), await store.LoadAsync("data/c"));
    }

    [Fact]
    public async Task Defrag_removes_the_stale_cached_value_of_its_target()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/source", Bytes("0123456789"));
        await store.StoreAsync("data/target", Bytes("old"));
        await store.DefragAsync("data", [new("data/source", 2, 3), new("data/source", 7, 1)], "data/target");
        Assert.Equal(Bytes("2347"), await store.LoadAsync("data/target"));
        var name = await store.DefragAsync("data", [new("data/source", 0, 3)], HashKind.Sha256);
        Assert.Equal(Bytes("012"), await store.LoadAsync(name));
    }

    [Theory]
    [CombinatorialRanges]
    public async Task Every_range_is_correct_on_a_miss_and_on_a_hit(CacheMode mode, int size, long offset, long? length)
    {
        var value = Random(size);
        await using (var plain = await OpenCachedAsync(CachePolicy.Off)) await plain.StoreAsync("data/a", value);
        await using var store = await OpenCachedAsync(new(mode));
        var (start, count) = new ByteRange(offset, length).Resolve(size);
        var expected = value.AsSpan((int)start, (int)count).ToArray();
        Assert.Equal(expected, await store.LoadAsync("data/a", new(offset, length)));
        Assert.Equal(expected, await store.LoadAsync("data/a", new(offset, length)));
        await using var stream = await store.OpenReadAsync("data/a", new(offset, length), cancellationToken: Ct);
        Assert.Equal(count, stream.Length);
        var read = new byte[count];
        for (var at = 0; at < count;) at += await stream.ReadAsync(read.AsMemory(at, (int)Math.Min(count - at, 50_000)), Ct);
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Ct));
        Assert.Equal(expected, read);
        if (length == 0) Assert.Empty(CachedFiles());
        else Assert.Equal(value, await File.ReadAllBytesAsync(Folder.Combine("cache", "data", "a"), Ct));
    }

    private sealed class CombinatorialRangesAttribute : Xunit.v3.DataAttribute
    {
        public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(System.Reflection.MethodInfo testMethod, Xunit.Sdk.DisposalTracker disposalTracker)
        {
            var rows = from mode in new[] { CacheMode.WriteThrough, CacheMode.Mirror }
                       from size in new[] { 100, 3 << 20 }
                       from range in new (long, long?)[] { (0, null), (0, 0), (10, 20), (-4, 4), (-4, null), (-4, 0), (50, long.MaxValue), (1L << 40, 5), (-(1L << 40), 7) }
                       select (ITheoryDataRow)new TheoryDataRow(mode, size, range.Item1, range.Item2);
            return new([.. rows]);
        }

        public override bool SupportsDiscoveryEnumeration() => true;
    }
}
