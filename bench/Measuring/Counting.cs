using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Subjects;

namespace BorgStore.Benchmarks.Measuring;

/// <summary>Counts what operations take besides time: memory, requests, system calls. These hardly depend on what else the machine does.</summary>
internal static partial class Counting
{
    private const int MostItems = 200;
    private const int Turns = 3;

    // The calls for memory, time and threads vary by themselves.
    private const string Calls =
        "open,openat,creat,close,read,readv,pread64,preadv,write,writev,pwrite64,pwritev,lseek,stat,lstat,fstat,newfstatat,statx,access,faccessat,faccessat2,rename,renameat,"
        + "renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,getdents64,fsync,fdatasync,syncfs,flock,ftruncate,fchmod,chmod,fadvise64,fallocate,copy_file_range,sendfile,"
        + "socket,connect,accept4,sendto,sendmsg,recvfrom,recvmsg";

    /// <summary>Counts all of it for one case.</summary>
    /// <param name="subject">A process.</param>
    /// <param name="case">The case; fewer of its items are enough.</param>
    /// <param name="calls">Whether to trace the system calls, and the peak of memory.</param>
    public static async Task<Cost> CountAsync(WorkerSubject subject, Case @case, bool calls)
    {
        var few = calls ? @case with { Count = Math.Min(@case.Count, MostItems) } : @case;
        double? allocated = null, requests = null;
        // The least of several: once in a while the runtime allocates for itself.
        for (var turn = 0; turn < (calls ? Turns : 1); turn++)
        {
            if (turn == 0) ResetPeak(subject.Process);
            var measured = await subject.MeasureAsync(few, TimeSpan.Zero);
            if (measured.Allocated is { } bytes) allocated = Math.Min(allocated ?? double.MaxValue, (double)bytes / few.Count);
            if (measured.Requests is { } sent) requests = Math.Min(requests ?? double.MaxValue, (double)sent / few.Count);
        }
        var peak = ReadPeak(subject.Process);
        return new(few, subject.Name, allocated, requests, calls ? await TraceAsync(subject, few) : null, peak);
    }

    private static async Task<SortedDictionary<string, double>?> TraceAsync(WorkerSubject subject, Case @case)
    {
        if (Places.Session.FindProgram("strace") is not { } strace) return null;
        var file = Path.GetTempFileName();
        try
        {
            using var tracer = Process.Start(new ProcessStartInfo(strace,
                ["-f", "-qq", "-o", file, "-e", "trace=" + Calls, "-e", "signal=none", "-p", subject.Process.Id.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardError = true })!;
            // It says nothing when it is ready with -qq, so a traced process is recognised by its state.
            for (var i = 0; i < 500 && !tracer.HasExited && !IsTraced(subject.Process); i++) await Task.Delay(10);
            if (tracer.HasExited) return null;
            await subject.MeasureAsync(@case, TimeSpan.Zero);
            using (var end = Process.Start("kill", ["-INT", tracer.Id.ToString(CultureInfo.InvariantCulture)])) await end.WaitForExitAsync();
            await tracer.WaitForExitAsync();
            return Read(await File.ReadAllLinesAsync(file), @case.Count);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static SortedDictionary<string, double>? Read(string[] lines, int count)
    {
        var begin = Array.FindIndex(lines, line => line.Contains("/borgstore-trace-begin", StringComparison.Ordinal));
        var end = Array.FindIndex(lines, line => line.Contains("/borgstore-trace-end", StringComparison.Ordinal));
        if (begin < 0 || end < begin) return null;
        return new(lines[(begin + 1)..end].Select(line => Call().Match(line)).Where(match => match.Success)
            .GroupBy(match => match.Groups[1].Value).ToDictionary(calls => calls.Key, calls => Math.Round((double)calls.Count() / count, 3)), StringComparer.Ordinal);
    }

    private static bool IsTraced(Process process) => Directory.GetDirectories($"/proc/{process.Id}/task").All(task =>
    {
        try
        {
            return !File.ReadAllText(Path.Combine(task, "status")).Contains("TracerPid:\t0\n", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // The thread has ended.
            return true;
        }
    });

    private static void ResetPeak(Process process)
    {
        try
        {
            File.WriteAllText($"/proc/{process.Id}/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then the peak is that since the start of the process.
        }
    }

    private static long? ReadPeak(Process process)
        => File.Exists($"/proc/{process.Id}/status") && Peak().Match(File.ReadAllText($"/proc/{process.Id}/status")) is { Success: true } peak
            ? long.Parse(peak.Groups[1].Value, CultureInfo.InvariantCulture) << 10 : null;

    [GeneratedRegex(@"^\d+ +(\w+)\(")]
    private static partial Regex Call();

    [GeneratedRegex(@"VmHWM:\s*(\d+) kB")]
    private static partial Regex Peak();
}
