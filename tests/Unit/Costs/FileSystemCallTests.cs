using System.Globalization;
using System.Text.RegularExpressions;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Costs;

/// <summary>Operations make no more system calls than they need.</summary>
public sealed partial class FileSystemCallTests : IDisposable
{
    private const int Count = 50;

    // Only calls on files: the runtime's own calls for memory and threads vary, and so does its reading of pipes and /proc.
    private static readonly HashSet<string> CallsOnFiles =
    [
        "open", "openat", "creat", "close", "readv", "pread64", "write", "pwrite64", "lseek", "stat", "lstat", "fstat", "newfstatat", "statx",
        "access", "faccessat", "faccessat2", "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat",
        "rmdir", "getdents64", "fsync", "fdatasync", "syncfs", "flock", "fcntl", "ftruncate", "fchmod", "chmod", "fadvise64", "fallocate", "dup",
    ];

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("store", "openat 50, pwrite64 50, close 50, rename 50")]
    [InlineData("create", "openat 50, pwrite64 50, close 50, renameat2 50")]
    [InlineData("load", "openat 50, statx 50, pread64 50, close 50")]
    [InlineData("gather", "openat 50, pread64 100, close 50")]
    [InlineData("info", "statx 50")]
    [InlineData("delete", "unlink 50")]
    // The first item was moved before, so its rename fails; the statx tells a missing source from a missing target directory.
    [InlineData("move", "rename 50, statx 1")]
    // The last getdents64 returns no more names.
    [InlineData("list", "openat 1, getdents64 2, statx 50, close 1")]
    public async Task An_operation_makes_the_expected_system_calls(string operation, string expected)
        => Assert.Equal(Parse(expected), await TraceAsync(operation, quota: null));

    [Theory]
    [InlineData("store", 6)]
    [InlineData("create", 8)]
    [InlineData("delete", 8)]
    [InlineData("move", 6)]
    [InlineData("load", 0)]
    [InlineData("info", 0)]
    public async Task A_quota_adds_only_a_few_system_calls_to_each_change(string operation, int most)
    {
        var without = await TraceAsync(operation, quota: null);
        var with = await TraceAsync(operation, quota: 1 << 30);
        Assert.DoesNotContain(with.Keys, call => call.Contains("sync", StringComparison.Ordinal));
        Assert.InRange((with.Values.Sum() - without.Values.Sum()) / (double)Count, most == 0 ? 0 : 1, most);
    }

    private static Dictionary<string, int> Parse(string expected) => expected.Split(", ").Select(part => part.Split(' '))
        .ToDictionary(part => part[0], part => int.Parse(part[1], CultureInfo.InvariantCulture));

    private async Task<Dictionary<string, int>> TraceAsync(string operation, long? quota)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("strace is a program of Linux.");
        var (trace, store) = (_directory[Guid.NewGuid().ToString("n")], _directory[Guid.NewGuid().ToString("n")]);
        string[] arguments = ["-f", "-o", trace, "dotnet", Programs.Storm, "calls", store, operation, Count.ToString(CultureInfo.InvariantCulture)];
        if (quota is { } limit) arguments = [.. arguments, limit.ToString(CultureInfo.InvariantCulture)];
        if (await Programs.RunAsync("strace", arguments) is not { } run) Assert.Skip("strace is not installed.");
        else if (run.ExitCode != 0) Assert.Skip($"strace cannot trace here: {run.Output}");

        var lines = await File.ReadAllLinesAsync(trace, TestContext.Current.CancellationToken);
        var begin = Array.FindIndex(lines, line => line.Contains("/borgstore-trace-begin", StringComparison.Ordinal));
        var end = Array.FindIndex(lines, line => line.Contains("/borgstore-trace-end", StringComparison.Ordinal));
        Assert.InRange(begin, 0, end - 1);
        // Only the thread that does the work, because other threads of the runtime use files of their own.
        var thread = lines[begin].Split(' ')[0];
        return lines[(begin + 1)..end].Select(line => Call().Match(line))
            .Where(match => match.Success && match.Groups["thread"].Value == thread && CallsOnFiles.Contains(match.Groups["call"].Value))
            .GroupBy(match => match.Groups["call"].Value).ToDictionary(calls => calls.Key, calls => calls.Count());
    }

    [GeneratedRegex(@"^(?<thread>\d+) +(?<call>\w+)\(")]
    private static partial Regex Call();
}
