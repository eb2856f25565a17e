using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using BorgStore.Backends.Http;
using BorgStore.Naming;

namespace BorgStore.Backends.Rest;

/// <summary>A page of a listing.</summary>
/// <param name="Items">The items of the page.</param>
/// <param name="Next">The item after which the next page starts; <see langword="null"/> on the last page.</param>
/// <param name="Error">Why directories could not be read.</param>
/// <param name="Unreadable">The directories that could not be read.</param>
internal readonly record struct ListingPage(List<ItemInfo> Items, string? Next, StoreError Error = default, List<string>? Unreadable = null);

/// <summary>Reads the JSON of responses. Their content is not trusted: names that no backend would list are left out.</summary>
internal static partial class RestJson
{
    /// <summary>The media type of a body.</summary>
    public static readonly MediaTypeHeaderValue ContentType = new("application/json");

    // The size of a name of a hundred characters, each escaped, with four numbers; and of a page with 5,000 such items.
    private const int MaxItemBytes = 64 << 10;
    private const int MaxPageBytes = 16 << 20;
    private const int MaxQuotaBytes = 1024;
    private const int MaxItems = 10_000_000;

    // The start of the year 10000, later than any clock [seconds since 1970].
    private const decimal LastSecond = 253402300800;

    /// <summary>Returns blocks as the body of a request: <c>[[name, offset, length], …]</c>.</summary>
    public static byte[] Write(IReadOnlyList<Block> blocks)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartArray();
        foreach (var block in blocks)
        {
            json.WriteStartArray();
            json.WriteStringValue(block.Name);
            json.WriteNumberValue(block.Offset);
            json.WriteNumberValue(block.Length);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a listing of one level.</summary>
    public static async Task<List<ItemInfo>> ReadItemsAsync(RestResponse answer)
    {
        var items = new List<ItemInfo>();
        await foreach (var entry in ReadArrayAsync(answer, Formats.Default.Entry).ConfigureAwait(false))
            if (entry.ToInfo(entry.Directory) is var info && ItemName.IsListable(info.Name)) items.Add(info);
        CheckNames(items);
        return items;
    }

    /// <summary>Reads a page of a tree listing.</summary>
    /// <param name="answer">The response.</param>
    /// <param name="after">The item after which the page starts.</param>
    public static async Task<ListingPage> ReadTreePageAsync(RestResponse answer, string? after)
    {
        var page = await ReadAsync(answer, Formats.Default.TreePage, MaxPageBytes).ConfigureAwait(false);
        var items = new List<ItemInfo>();
        // Each page must progress, or the listing would never end.
        foreach (var entry in page?.Items ?? throw InvalidJson(null))
        {
            var info = entry?.ToInfo(isDirectory: false) ?? throw InvalidJson(null);
            if (after is not null && TreeWalk.ComparePaths(info.Name, after) <= 0) throw RestErrors.InvalidResponse("its listing is not in order");
            after = info.Name;
            if (IsPath(info.Name)) items.Add(info);
        }
        var error = Enum.TryParse(page.Error, out StoreError known) && Enum.IsDefined(known) ? known : StoreError.BackendFailure;
        return page.Next is null || (page.Items.Count > 0 && page.Next == after) ? new(items, page.Next, error, page.Unreadable?.OfType<string>().Where(IsPath).ToList())
            : throw RestErrors.InvalidResponse("its listing does not continue where it ended");
    }

    /// <summary>Reads a listing of temporary items.</summary>
    public static async Task<List<TemporaryItem>> ReadTemporariesAsync(RestResponse answer)
    {
        var items = new List<TemporaryItem>();
        await foreach (var upload in ReadArrayAsync(answer, Formats.Default.Upload).ConfigureAwait(false))
        {
            if (upload is not { Id: { } id, Size: >= 0 and var size, Mtime: > -LastSecond and < LastSecond and var written }) throw InvalidJson(null);
            if (ItemName.IsTemporary(id)) items.Add(new(id, size, DateTime.UnixEpoch.AddTicks((long)(written * TimeSpan.TicksPerSecond))));
        }
        return items;
    }

    /// <summary>Reads the limit and usage of a store; -1 means none.</summary>
    public static async Task<QuotaInfo> ReadQuotaAsync(RestResponse answer)
    {
        return await ReadAsync(answer, Formats.Default.Quota, MaxQuotaBytes).ConfigureAwait(false)
            is { Limit: >= -1 and var limit, Usage: >= -1 and var usage } ? new(NullIfNone(limit), NullIfNone(usage)) : throw InvalidJson(null);

        static long? NullIfNone(long number) => number < 0 ? null : number;
    }

    /// <summary>Converts seconds since 1970 to a time; 0 means unknown.</summary>
    public static DateTime? ToTime(double? seconds)
        => seconds is > 0 and < (double)LastSecond ? DateTime.UnixEpoch.AddTicks((long)(seconds.Value * TimeSpan.TicksPerSecond)) : null;

    private static bool IsPath(string? path)
    {
        if (path is null) return false;
        foreach (var element in path.Split('/'))
            if (element == "." || !ItemName.IsListable(element)) return false;
        return true;
    }

    // Each item has a maximum size, and there is a maximum number of items.
    private static async IAsyncEnumerable<T> ReadArrayAsync<T>(RestResponse answer, JsonTypeInfo<T> format)
    {
        var body = await OpenAsync(answer, MaxItemBytes).ConfigureAwait(false);
        var items = JsonSerializer.DeserializeAsyncEnumerable(body, format, answer.Stalled).GetAsyncEnumerator(answer.Stalled);
        await using var _ = items.ConfigureAwait(false);
        for (var count = 0; await MoveNextAsync(items).ConfigureAwait(false); count++)
        {
            if (count == MaxItems) throw RestErrors.InvalidResponse($"its listing has more than {MaxItems} items");
            body.Renew();
            yield return items.Current ?? throw InvalidJson(null);
        }
    }

    private static async ValueTask<bool> MoveNextAsync<T>(IAsyncEnumerator<T> items)
    {
        try
        {
            return await items.MoveNextAsync().ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw InvalidJson(e);
        }
    }

    private static async Task<T?> ReadAsync<T>(RestResponse answer, JsonTypeInfo<T> format, int limit)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(await OpenAsync(answer, limit).ConfigureAwait(false), format, answer.Stalled).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw InvalidJson(e);
        }
    }

    private static async Task<BoundedStream> OpenAsync(RestResponse answer, int limit)
    {
        answer.EnsureMediaType("application/json");
        return new(await answer.Response.Content.ReadAsStreamAsync(answer.Stalled).ConfigureAwait(false), limit, RestErrors.TooLong);
    }

    // Servers sort their listings. An unsorted listing is sorted here; one with duplicates is refused.
    private static void CheckNames(List<ItemInfo> items)
    {
        var isSorted = true;
        for (var i = 1; i < items.Count && isSorted; i++) isSorted = string.CompareOrdinal(items[i - 1].Name, items[i].Name) < 0;
        if (isSorted) return;
        items.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        for (var i = 1; i < items.Count; i++)
            if (items[i - 1].Name == items[i].Name && items[i - 1].IsDirectory == items[i].IsDirectory) throw RestErrors.InvalidResponse("its listing has a name twice");
    }

    private static StoreException InvalidJson(JsonException? e) => RestErrors.InvalidResponse("it is not JSON of the expected form", e);

    internal sealed record Entry(string? Name, long? Size, bool? Directory, double? Atime, double? Mtime, double? Deltime = null)
    {
        public ItemInfo ToInfo(bool? isDirectory) => this is { Name: { } name, Size: >= 0 and var size } && isDirectory is { } directory
            ? new(name, directory ? 0 : size, directory, ToTime(Atime), ToTime(Mtime), ToTime(Deltime))
            : throw InvalidJson(null);
    }

    internal sealed record TreePage(List<Entry?>? Items, string? Next, string? Error, List<string?>? Unreadable);

    internal sealed record Upload(string? Id, long? Size, decimal? Mtime);

    internal sealed record Quota(long? Limit, long? Usage);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Entry))]
    [JsonSerializable(typeof(TreePage))]
    [JsonSerializable(typeof(Upload))]
    [JsonSerializable(typeof(Quota))]
    private sealed partial class Formats : JsonSerializerContext;
}
