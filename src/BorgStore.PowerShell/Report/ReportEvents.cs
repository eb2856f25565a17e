using System.Globalization;
using System.Text.Json;
using BorgStore.Verification;

namespace BorgStore.PowerShell.Report;

/// <summary>What a report tells of other work on the store, from the files that the other cmdlets keep.</summary>
internal static class ReportEvents
{
    /// <summary>Describes the last synchronisation in a log of <c>Sync-BorgStore -LogPath</c>.</summary>
    public static string DescribeSync(string log)
    {
        string? found = null;
        foreach (var line in File.ReadLines(log))
        {
            // Only the lines at the end of a run have these words, so that others need not be parsed.
            if (!line.Contains("\"end\"", StringComparison.Ordinal) || !line.Contains("Sync-BorgStore", StringComparison.Ordinal)) continue;
            if (TryParse(line) is not { } end || Get(end, "command") != "Sync-BorgStore") continue;
            found = $"{ShowTime(Get(end, "time"))}: {Get(end, "done")} done, {Get(end, "failed")} failed";
        }
        return found ?? $"There is none in {Path.GetFileName(log)}.";
    }

    /// <summary>Describes the verification whose state is in a file of <c>Test-BorgStore -Resume</c>.</summary>
    public static string DescribeVerification(string file)
    {
        if (VerificationState.Read(file) is not { } state) return $"{Path.GetFileName(file)} is not the state of a verification.";
        var counts = state.Counts;
        return state.Completed is { } completed ? $"{ShowTime(completed)}: {counts.Items} items checked, {counts.Problems} problems"
            : $"begun {ShowTime(state.Started)}, not completed: {counts.Items} items checked so far, {counts.Problems} problems";
    }

    private static JsonElement? TryParse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Get(JsonElement line, string name) => line.TryGetProperty(name, out var value) ? value.ToString() : "";

    private static string ShowTime(string text)
        => DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time) ? ShowTime(time) : "at an unknown time";

    private static string ShowTime(DateTime time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
