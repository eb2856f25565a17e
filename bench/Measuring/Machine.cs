using System.Diagnostics;
using System.Runtime.InteropServices;

namespace BorgStore.Benchmarks.Measuring;

/// <summary>What results depend on besides our code.</summary>
internal static class Machine
{
    public static async Task<string> DescribeAsync()
    {
        var processor = File.Exists("/proc/cpuinfo")
            ? (await File.ReadAllLinesAsync("/proc/cpuinfo")).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() : null;
        return $"{Environment.ProcessorCount} × {processor ?? RuntimeInformation.ProcessArchitecture.ToString()}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}";
    }

    public static async Task<string> DescribeRevisionAsync()
        => await FirstLineAsync("git", "-C", Places.Session.Root, "rev-parse", "--short", "HEAD") ?? "unknown";

    /// <summary>Returns the versions of the peers that are installed.</summary>
    public static async Task<List<string>> DescribePeersAsync()
    {
        var lines = new[]
        {
            await FirstLineAsync("bash", Path.Combine(Places.Session.Root, "tests", "servers", "borg-root.sh"), "--versions"),
            await FirstLineAsync("rclone", "version"),
            await FirstLineAsync("ssh", "-V"),
            await FirstLineAsync("openssl", "version"),
            await FirstLineAsync("b3sum", "--version"),
            await FirstLineAsync("sha256sum", "--version"),
            await FirstLineAsync("rsync", "--version"),
            await FirstLineAsync("wrk", "-v"),
            await FirstLineAsync("aws", "--version"),
            await FirstLineAsync("s3cmd", "--version"),
            await FirstLineAsync("radosgw", "--version"),
            Places.Session.Pwsh is { } pwsh ? await FirstLineAsync(pwsh, "--version") : null,
        };
        return [.. lines.OfType<string>()];
    }

    private static async Task<string?> FirstLineAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            var text = output.Trim().Length > 0 ? output : process.ExitCode == 0 ? await errors : "";
            return text.Trim().Split('\n')[0].Trim() is { Length: > 0 } line ? line : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
