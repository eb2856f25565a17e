using System.Text.Json;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Report;

/// <summary>The totals of earlier reports of a store, in a JSON file beside the page, for its growth.</summary>
/// <param name="Store">The store's URL, without secrets.</param>
/// <param name="Entries">The totals, oldest first.</param>
internal sealed record ReportHistory(string Store, IReadOnlyList<HistoryEntry> Entries)
{
    // Ten years of daily reports.
    private const int MaxEntries = 3660;
    private const int MaxFileSize = 4 << 20;

    private static readonly JsonSerializerOptions Format = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    /// <summary>Loads the history beside a page.</summary>
    /// <param name="path">The file.</param>
    /// <param name="store">The URL of the store of the page, without secrets.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/>: the file is something else, or of another store.</exception>
    public static ReportHistory Load(string path, string store)
    {
        if (!File.Exists(path)) return new(store, []);
        if (Read(path) is not { Store: { } other, Entries: not null } history)
            throw new StoreException(StoreError.InvalidArgument, $"'{path}' is not the history of a report, and was left as it is. Specify another -Path for the report.", path);
        if (other != store)
            throw new StoreException(StoreError.InvalidArgument, $"'{path}' is the history of the reports of another store, '{StoreUrl.Redact(other)}'. Specify a -Path for each store.", path);
        return history;
    }

    /// <summary>Returns the history with one more entry.</summary>
    public ReportHistory With(DateTime time, BorgStoreMeasure total)
        => this with { Entries = [.. Entries.TakeLast(MaxEntries - 1), new(time, total.Count, total.Size, total.DeletedCount, total.DeletedSize)] };

    /// <summary>Returns the file's content.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Format);

    private static ReportHistory? Read(string path)
    {
        if (new FileInfo(path).Length > MaxFileSize) return null;
        try
        {
            return JsonSerializer.Deserialize<ReportHistory>(File.ReadAllBytes(path), Format);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>The totals of a store at a time.</summary>
/// <param name="Time">When the store was listed (UTC).</param>
/// <param name="Count">The number of live items.</param>
/// <param name="Size">Their size [bytes].</param>
/// <param name="DeletedCount">The number of soft-deleted items.</param>
/// <param name="DeletedSize">Their size [bytes].</param>
internal sealed record HistoryEntry(DateTime Time, long Count, long Size, long DeletedCount, long DeletedSize);
