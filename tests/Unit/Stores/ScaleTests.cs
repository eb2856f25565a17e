using System.Diagnostics;
using BorgStore.Backends;

namespace BorgStore.Tests.Stores;

/// <summary>Memory use does not grow with the size of a value or the number of items.</summary>
[CollectionDefinition(nameof(ScaleTests), DisableParallelization = true)]
[Collection(nameof(ScaleTests))]
[Trait("Category", "Long")]
public sealed class ScaleTests(ITestOutputHelper output) : StoreFixture
{
    private const long MiB = 1 << 20;

    [Fact]
    public async Task A_large_value_is_stored_and_loaded_in_constant_memory()
    {
        var size = LongTests.Choose(512 * MiB, 5 * 1024 * MiB);
        var source = Folder.Combine("source");
        await using (var file = File.Create(source))
        {
            // Mostly a hole, with recognisable bytes at both ends and in the middle.
            file.SetLength(size);
            foreach (var position in new[] { 0, size / 2, size - 5 })
            {
                file.Position = position;
                file.Write("12345"u8);
            }
        }

        await using var store = await CreateAsync(("data", 1));
        using var heap = new HeapWatch();
        var start = Stopwatch.GetTimestamp();
        await using (var file = File.OpenRead(source)) await store.StoreAsync("data/large", new StoreValue(file, size));
        output.WriteLine($"stored in {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s");
        start = Stopwatch.GetTimestamp();
        await using (var value = await store.OpenReadAsync("data/large"))
        await using (var file = File.Create(Folder.Combine("target")))
            await value.CopyToAsync(file, (int)MiB);
        output.WriteLine($"loaded in {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s; at most {(heap.Peak - heap.Before) / MiB} MiB more managed heap");

        // In addition to the memory that other tests have left behind.
        Assert.True(heap.Peak - heap.Before < 100 * MiB, $"{heap.Peak - heap.Before} bytes more managed heap");
        Assert.Equal(size, new FileInfo(Folder.Combine("target")).Length);
        foreach (var position in new[] { 0, size / 2, size - 5 })
            Assert.Equal("12345"u8.ToArray(), await store.LoadAsync("data/large", new(position, 5)));
    }

    [Fact]
    public async Task A_long_listing_starts_immediately_and_uses_constant_memory()
    {
        var count = LongTests.Choose(20_000, 1_000_000);
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(("data", 2)), Durability = Durability.None });
        await Parallel.ForAsync(0, count, async (i, token) =>
            await store.StoreAsync($"data/{unchecked((uint)i * 2654435761u):x8}", Array.Empty<byte>(), cancellationToken: token));

        using var heap = new HeapWatch();
        var start = Stopwatch.GetTimestamp();
        var first = TimeSpan.Zero;
        var seen = 0;
        await foreach (var item in store.ListAsync("data"))
            if (seen++ == 0) first = Stopwatch.GetElapsedTime(start);
        output.WriteLine($"{seen} items: the first after {first.TotalMilliseconds:f1} ms, all after {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s; at most {(heap.Peak - heap.Before) / 1024} KiB more managed heap");
        Assert.Equal(count, seen);
        Assert.True(heap.Peak - heap.Before < 40 * MiB, $"{heap.Peak - heap.Before} bytes more managed heap");
    }

    /// <summary>Samples the maximum managed heap in use.</summary>
    private sealed class HeapWatch : IDisposable
    {
        private readonly Timer _timer;

        public HeapWatch()
        {
            Before = GC.GetTotalMemory(forceFullCollection: true);
            _timer = new(_ => Peak = Math.Max(Peak, GC.GetTotalMemory(forceFullCollection: false)), null, 0, 20);
        }

        public long Before { get; }

        public long Peak { get; private set; }

        public void Dispose() => _timer.Dispose();
    }
}
