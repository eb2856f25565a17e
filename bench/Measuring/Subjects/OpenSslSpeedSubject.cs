using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>The benchmark <c>openssl speed</c>, which computes SHA-256 of the same bytes in memory for a second.</summary>
internal sealed partial class OpenSslSpeedSubject(string name, Func<Case, bool> does) : Subject(name, Role.Peer, does)
{
    public override async Task<Measurement> MeasureAsync(Case @case, TimeSpan least)
    {
        var start = new ProcessStartInfo("openssl", ["speed", "-mr", "-elapsed", "-seconds", "1", "-bytes", @case.Size.ToString(CultureInfo.InvariantCulture), "-evp", "sha256"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0 || Speed().Match(output) is not { Success: true } speed)
            throw new SubjectException($"{Name}: status {process.ExitCode}: {(output + await errors).Trim().ReplaceLineEndings(" ")}");
        return new(@case.Size / double.Parse(speed.Groups[1].Value, CultureInfo.InvariantCulture) * 1e9 * @case.Count);
    }

    // Bytes per second.
    [GeneratedRegex(@"^\+F:\d+:sha256:([0-9.]+)", RegexOptions.Multiline)]
    private static partial Regex Speed();
}
