using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using BorgStore.Hashing;

namespace BorgStore.Benchmarks;

/// <summary>Compares the hash of a whole file with <c>b3sum --num-threads 1</c>,
/// in alternation because the speed of a shared machine varies.</summary>
internal static class Blake3FileRace
{
    private const int Turns = 9;
    private const string Peer = "b3sum --num-threads 1";

    /// <summary>Runs the race.</summary>
    /// <param name="args">The size of the file [MiB]; 512 by default.</param>
    public static int Run(string[] args)
    {
        if (args.Length > 1 || !int.TryParse(args.FirstOrDefault("512"), CultureInfo.InvariantCulture, out var mebibytes) || mebibytes < 1)
        {
            Console.Error.WriteLine("Usage: blake3-file [size in MiB]");
            return 1;
        }
        var file = Path.Combine(Path.GetTempPath(), $"blake3-race-{Environment.ProcessId}");
        try
        {
            Write(file, mebibytes);
            Race(file, mebibytes * 1048576.0);
        }
        finally
        {
            File.Delete(file);
        }
        return 0;
    }

    private static void Race(string file, double size)
    {
        var racers = new List<(string Name, Func<string> Hash, List<double> Seconds)>
        {
            ("read, 1 thread", () => HashOnOneThread(file), []),
            ($"stream, {Environment.ProcessorCount} threads", () => HashStream(file), []),
        };
        if (PeerHash(file) is null)
            Console.WriteLine("b3sum is not on PATH, so there is nothing to compare with; ours alone:");
        else
            racers.Add((Peer, () => PeerHash(file)!, []));

        var expected = racers[0].Hash(); // the first round warms up the page cache and the JIT compiler
        for (var turn = 0; turn <= Turns; turn++)
        {
            foreach (var (name, hash, seconds) in racers)
            {
                var start = Stopwatch.GetTimestamp();
                var digest = hash();
                if (turn > 0)
                    seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                if (digest != expected)
                    throw new InvalidOperationException($"{name}: {digest} instead of {expected}");
            }
        }
        foreach (var (name, _, seconds) in racers)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-22} {size / Median(seconds) / 1e9:f2} GB/s (median of {Turns})"));
        if (racers.Count > 2)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"one thread beside b3sum: {Median(racers[^1].Seconds) / Median(racers[0].Seconds):f2} times as fast"));
    }

    /// <summary>Reads chunks of 256 KiB, which stay in the processor's cache until they are hashed.</summary>
    private static string HashOnOneThread(string file)
    {
        using var handle = File.OpenHandle(file, options: FileOptions.SequentialScan);
        using var hasher = HashKind.Blake3.CreateHasher();
        var buffer = new byte[256 * 1024];
        long at = 0;
        int read;
        while ((read = RandomAccess.Read(handle, buffer, at)) > 0)
        {
            hasher.Append(buffer.AsSpan(0, read));
            at += read;
        }
        return hasher.FinishHex();
    }

    private static string HashStream(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous);
        return HashKind.Blake3.ComputeHexAsync(stream).AsTask().GetAwaiter().GetResult();
    }

    /// <returns>The digest, or <see langword="null"/> if the program is missing.</returns>
    private static string? PeerHash(string file)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("b3sum", ["--num-threads", "1", "--no-names", file])
            {
                RedirectStandardOutput = true,
            })!;
            var output = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return output;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static void Write(string file, int mebibytes)
    {
        var block = new byte[1 << 20];
        var random = new Random(1);
        using var stream = File.Create(file);
        for (var i = 0; i < mebibytes; i++)
        {
            random.NextBytes(block);
            stream.Write(block);
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
