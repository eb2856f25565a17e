using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Backends;

/// <summary>The limit on the rate of transfers.</summary>
public sealed class ThrottledBackendTests : StoreFixture
{
    private const int Rate = 1 << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Loads_and_stores_share_the_limit_and_values_stay_whole(bool inMemory)
    {
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(("data", 0)), MaxBytesPerSecond = Rate });
        var bytes = new byte[Rate / 4];
        Random.Shared.NextBytes(bytes);
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(
            Task.Run(async () => await store.StoreAsync("data/a", inMemory ? bytes : new StoreValue(new MemoryStream(bytes), bytes.Length))),
            Task.Run(async () => await store.StoreAsync("data/b", inMemory ? bytes : new StoreValue(new MemoryStream(bytes), bytes.Length))));
        Assert.Equal(bytes, await store.LoadAsync("data/a"));
        // Three quarters of a second is needed; a slow machine takes longer.
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.7, 60);
    }

    [Fact]
    public async Task Many_small_values_are_limited_together_and_what_is_not_transferred_is_free()
    {
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(("data", 0)), MaxBytesPerSecond = 100_000 });
        var start = Stopwatch.GetTimestamp();
        await Parallel.ForAsync(0, 50, async (i, token) => await store.StoreAsync($"data/{i}", new byte[1000], cancellationToken: token));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.45, 60);

        // A second would pass for each of these if they were transferred.
        await using (var free = await OpenAsync()) await free.StoreAsync("data/large", new byte[10_000_000]);
        start = Stopwatch.GetTimestamp();
        await store.HashAsync("data/large", BorgStore.Hashing.HashKind.Sha256);
        await store.MoveAsync("data/large", "data/other");
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 50);
    }
}
