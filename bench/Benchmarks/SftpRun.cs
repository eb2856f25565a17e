using System.Diagnostics;
using System.Globalization;
using BorgStore.Backends;

namespace BorgStore.Benchmarks;

/// <summary>One run on an SFTP store: a large value both ways, then many small ones. <c>bench/sftp.sh</c> compares it with others.</summary>
internal static class SftpRun
{
    private const int InFlight = 64;
    private const int SmallSize = 1024;
    private const int LargeTurns = 4;

    /// <summary>Runs the benchmark.</summary>
    /// <param name="args">The URL of a store that does not exist yet, the file with the large value, and the number of small ones.</param>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not [var url, var file, var countText] || !int.TryParse(countText, CultureInfo.InvariantCulture, out var count))
        {
            Console.Error.WriteLine("Usage: sftp URL FILE COUNT");
            return 1;
        }
        await using var store = BackendFactory.Create(url, new BackendOptions { Durability = Durability.None });
        await store.CreateAsync(default);
        var start = Stopwatch.GetTimestamp();
        await using (var other = BackendFactory.Create(url, new BackendOptions())) await other.OpenAsync(default);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"open {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms"));
        await store.OpenAsync(default);
        await TransferAsync(store, file);

        var names = Enumerable.Range(0, count).Select(i => $"data/{i % 256:x2}/{i:x8}").ToArray();
        var value = new byte[SmallSize];
        Random.Shared.NextBytes(value);
        await RepeatAsync("store", names, name => store.StoreAsync(name, value, StoreMode.Overwrite, default));
        await RepeatAsync("load", names, async name =>
        {
            await using var loaded = await store.LoadAsync(name, ByteRange.Whole, default);
            await loaded!.ReadToEndAsync();
        });
        await RepeatAsync("info", names, async name => await store.FindAsync(name, default));
        await RepeatAsync("delete", names, async name => await store.DeleteAsync(name, default));
        return 0;
    }

    private static async Task TransferAsync(IBackend store, string file)
    {
        await using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        for (var turn = 0; turn <= LargeTurns; turn++) // the first round warms up
        {
            source.Position = 0;
            var start = Stopwatch.GetTimestamp();
            await store.StoreAsync("data/large", new StoreValue(source, source.Length), StoreMode.Overwrite, default);
            if (turn > 0) Report("up", source.Length / 1e6, start, "MB/s");
        }
        for (var turn = 0; turn <= LargeTurns; turn++)
        {
            var start = Stopwatch.GetTimestamp();
            await using var value = await store.LoadAsync("data/large", ByteRange.Whole, default);
            // The same way as the cmdlets write files.
            using var target = File.OpenHandle(file + ".back", FileMode.Create, FileAccess.Write);
            var buffer = new byte[256 * 1024];
            long offset = 0;
            while (await value!.ReadAsync(buffer) is > 0 and var read)
            {
                RandomAccess.Write(target, buffer.AsSpan(0, read), offset);
                offset += read;
            }
            if (turn > 0) Report("down", source.Length / 1e6, start, "MB/s");
        }
        File.Delete(file + ".back");
    }

    private static async Task RepeatAsync(string what, string[] names, Func<string, ValueTask> run)
    {
        var start = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = InFlight }, (name, _) => run(name));
        Report(what, names.Length, start, "/s");
    }

    private static void Report(string what, double amount, long start, string unit)
        => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what} {amount / Stopwatch.GetElapsedTime(start).TotalSeconds:f0} {unit}"));
}
