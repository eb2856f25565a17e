using System.Diagnostics;
using System.Globalization;
using BorgStore.Backends;

namespace BorgStore.Benchmarks;

/// <summary>Stores and loads values of 1 KiB through rclone, and measures the CPU time of this process and of rclone.</summary>
internal static class RcloneRun
{
    private const int SmallSize = 1024;

    /// <summary>Runs the benchmark.</summary>
    /// <param name="args">The URL of a store that does not exist yet, the number of values, the concurrency, and the number of rounds.</param>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not [var url, var countText, var inFlightText, var roundsText])
        {
            Console.Error.WriteLine("Usage: rclone URL COUNT INFLIGHT ROUNDS");
            return 1;
        }
        var count = int.Parse(countText, CultureInfo.InvariantCulture);
        var inFlight = int.Parse(inFlightText, CultureInfo.InvariantCulture);
        await using var store = BackendFactory.Create(url, new BackendOptions { Durability = Durability.None });
        await store.CreateAsync(default);
        await store.OpenAsync(default);
        var rclone = Process.GetProcessesByName("rclone").MaxBy(process => process.StartTime)!;
        var value = new byte[SmallSize];
        Random.Shared.NextBytes(value);
        for (var round = 0; round < int.Parse(roundsText, CultureInfo.InvariantCulture); round++)
        {
            var names = Enumerable.Range(0, count).Select(i => $"data/{round:x2}{i:x8}").ToArray();
            await RepeatAsync("store", names, name => store.StoreAsync(name, value, StoreMode.Overwrite, default));
            await RepeatAsync("load", names, async name =>
            {
                await using var loaded = await store.LoadAsync(name, ByteRange.Whole, default);
                await loaded!.ReadToEndAsync();
            });
        }
        return 0;

        async Task RepeatAsync(string what, string[] names, Func<string, ValueTask> run)
        {
            rclone.Refresh();
            using var ours = Process.GetCurrentProcess();
            var (ourStart, theirStart, start) = (ours.TotalProcessorTime, rclone.TotalProcessorTime, Stopwatch.GetTimestamp());
            await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = inFlight }, (name, _) => run(name));
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            ours.Refresh();
            rclone.Refresh();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{what} {names.Length / seconds:f0}/s  ours {(ours.TotalProcessorTime - ourStart).TotalMilliseconds / names.Length:f3} ms  rclone {(rclone.TotalProcessorTime - theirStart).TotalMilliseconds / names.Length:f3} ms"));
        }
    }
}
