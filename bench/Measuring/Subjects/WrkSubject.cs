using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>The program wrk, which leaves most of the processors to the server: what the server can do with any client.</summary>
/// <param name="name">The name, with the server.</param>
/// <param name="role">Whose server it is.</param>
/// <param name="does">Whether it does a case.</param>
/// <param name="url">The server.</param>
/// <param name="prefix">The path before all names.</param>
/// <param name="authorization">The header of that name; <c>""</c> for none.</param>
internal sealed partial class WrkSubject(string name, Role role, Func<Case, bool> does, string url, string prefix = "", string authorization = "")
    : Subject(name, role, @case => @case.Operation is "load" or "store" && does(@case))
{
    private const int Attempts = 3;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(1);

    // The first request of a user waits for the hash of the password.
    public override bool NeedsWarmUp => true;

    public override async Task<Measurement> MeasureAsync(Case @case, TimeSpan least)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (await RunAsync(@case) is > 0 and var rate) return new(1e9 / rate * @case.Count);
        }
        throw new SubjectException("wrk got no response.");
    }

    private async Task<double> RunAsync(Case @case)
    {
        var start = new ProcessStartInfo("wrk",
        [
            "-t1", $"-c{@case.Concurrency}", $"-d{Duration.TotalSeconds}s", "-s", Path.Combine(AppContext.BaseDirectory, "Peers", "requests.lua"), url,
            "--", @case.Operation, prefix, @case.Size.ToString(CultureInfo.InvariantCulture), @case.Count.ToString(CultureInfo.InvariantCulture), authorization,
        ]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0 || output.Contains("Non-2xx", StringComparison.Ordinal) || output.Contains("Socket errors", StringComparison.Ordinal) || !Rate().IsMatch(output))
            throw new SubjectException(output.Trim().ReplaceLineEndings(" "));
        return double.Parse(Rate().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"Requests/sec:\s*([0-9.]+)")]
    private static partial Regex Rate();
}
