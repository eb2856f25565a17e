using System.Globalization;
using System.Text.Json;

namespace BorgStore.PowerShell.Report;

/// <summary>What a report tells of other work on the store, from the files that the other cmdlets keep.</summary>
internal static class ReportEvents
{
    private const int MaxStateSize = 1 << 20;

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
    public static string DescribeVerification(string state)
    {
        if (new FileInfo(state).Length > MaxStateSize || TryParse(File.ReadAllText(state)) is not { } pass || Find(pass, "Started") is not { } started)
            return $"{Path.GetFileName(state)} is not the state of a verification.";
        var counts = Find(pass, "Counts") is { ValueKind: JsonValueKind.Object } found ? found : default;
        var problems = counts.ValueKind != JsonValueKind.Object ? 0 : counts.EnumerateObject()
            .Where(count => count.Value.ValueKind == JsonValueKind.Number && count.Name.ToLowerInvariant() is not ("items" or "bytes" or "notcheckable"))
            .Sum(count => count.Value.GetInt64());
        var items = counts.ValueKind == JsonValueKind.Object && Find(counts, "Items") is { } number ? number.GetRawText() : "0";
        return Find(pass, "Completed") is { ValueKind: JsonValueKind.String } completed
            ? $"{ShowTime(completed.GetString())}: {items} items checked, {problems} problems"
            : $"begun {ShowTime(started.GetString())}, not completed: {items} items checked so far, {problems} problems";
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

    private static string Get(JsonElement line, string name) => Find(line, name) is { } value ? value.ToString() : "";

    private static JsonElement? Find(JsonElement element, string name)
        => element.EnumerateObject().Where(property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(property => (JsonElement?)property.Value).FirstOrDefault();

    private static string ShowTime(string? time)
        => DateTime.TryParse(time, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var parsed)
            ? parsed.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture) : "at an unknown time";
}
