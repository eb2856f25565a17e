using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Caching;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Benchmarks;

/// <summary>Measures the cost of the cache itself with an increasing number of items: its storages
/// respond immediately. Times are CPU times, because the machine may be shared.</summary>
internal static class CacheScale
{
    private const int Accesses = 500_000;
    private const int ItemSize = 1000;

    /// <summary>Runs the measurement.</summary>
    /// <param name="args">The maximum number of items; 1,000,000 by default.</param>
    public static async Task<int> RunAsync(string[] args)
    {
        var most = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
        var names = Enumerable.Range(0, most + Accesses).Select(NameOf).ToArray();
        await MeasureAsync(names, 1000, say: false);
        Console.WriteLine($"{"items",10} {"known after",14} {"bytes/item",12} {"look at name",13} {"hit",10} {"miss, with eviction",20}");
        for (var items = 1000; items <= most; items *= 10) await MeasureAsync(names, items, say: true);
        return 0;
    }

    private static async Task MeasureAsync(string[] names, int items, bool say)
    {
        var layout = new StoreLayout([new NamespaceLayout("data", 2)
        {
            Cache = new(CacheMode.WriteThrough) { Size = (long)items * ItemSize, MaxAge = TimeSpan.FromDays(1) },
        }]);
        var empty = GC.GetTotalMemory(forceFullCollection: true);
        var start = Stopwatch.GetTimestamp();
        var cache = new Storage(names, items);
        var backend = new CachingBackend(new Storage(names, names.Length), new CacheStorage(cache, "cache", new(), Console.WriteLine), layout, "store");
        await backend.OpenAsync(default);
        await backend.ListingTask;
        var listed = Stopwatch.GetElapsedTime(start);
        var memory = GC.GetTotalMemory(forceFullCollection: true) - empty;

        var random = new Random(1);
        // Merely accessing a name costs more when fewer of them fit into the processor's caches.
        var look = await TimeAsync(null, names, () => random.Next(items));
        var hit = await TimeAsync(backend, names, () => random.Next(items));
        // The first names are cached at the start; each of the others evicts one.
        cache.IsEmpty = true;
        var next = items;
        var miss = await TimeAsync(backend, names, () => next++);
        if (say)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{items,10:n0} {listed.TotalMilliseconds,11:n0} ms {(double)memory / items,12:n1} {look,10:n0} ns {hit,7:n0} ns {miss,17:n0} ns"));
        await backend.DisposeAsync();
    }

    private static async Task<double> TimeAsync(CachingBackend? backend, string[] names, Func<int> choose)
    {
        var start = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < Accesses; i++)
        {
            var name = names[choose()];
            if (backend is null)
            {
                _ = string.GetHashCode(name);
                continue;
            }
            var stream = await backend.LoadAsync(name, ByteRange.Whole, default);
            await stream!.DisposeAsync();
        }
        return (Environment.CpuUsage.TotalTime - start).TotalNanoseconds / Accesses;
    }

    private static string NameOf(int number)
    {
        Span<byte> key = stackalloc byte[32];
        new Random(number).NextBytes(key);
        return Nesting.Nest("data/" + Convert.ToHexStringLower(key), 2);
    }

    /// <summary>A storage that contains the first names at the start and accepts all operations.</summary>
    private sealed class Storage(string[] names, int count) : DelegatingBackend(new FileBackend(Path.GetTempPath()))
    {
        private static readonly byte[] Value = new byte[ItemSize];

        /// <summary>Whether nothing is found any more. The content is computed
        /// without a table, whose memory and time would be measured too.</summary>
        public bool IsEmpty { get; set; }

        public override Task OpenAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken) => default;

        public override ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
            => new(name.EndsWith(Suffixes.Hidden, StringComparison.Ordinal) || IsEmpty ? null : new MemoryValueStream(Value));

        public override ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken) => default;

        public override ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken) => new(true);

        public override async IAsyncEnumerable<ItemInfo> ListAsync(
            string directory, ListScope scope, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            for (var i = 0; i < count; i++) yield return new(names[i]["data/".Length..], ItemSize, LastWriteTime: DateTime.UtcNow);
        }

        public override async IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(
            TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            yield break;
        }
    }
}
