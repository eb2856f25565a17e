using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using BorgStore.Naming;

namespace BorgStore.Backends.Rest;

/// <summary>A part of a listing.</summary>
/// <param name="Items">The items.</param>
/// <param name="Next">Behind which item the next part begins; <see langword="null"/> where there is none.</param>
internal readonly record struct ListingPage(List<ItemInfo> Items, string? Next);

/// <summary>Reads the JSON of answers. What a server says is not trusted: names that no backend would list are left out.</summary>
internal static partial class RestJson
{
    /// <summary>The media type of a body.</summary>
    public static readonly MediaTypeHeaderValue ContentType = new("application/json");

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
    public static async Task<List<ItemInfo>> ReadItemsAsync(RestAnswer answer)
    {
        var items = new List<ItemInfo>();
        try
        {
            var body = await answer.Response.Content.ReadAsStreamAsync(answer.Stalled).ConfigureAwait(false);
            await foreach (var entry in JsonSerializer.DeserializeAsyncEnumerable(body, Formats.Default.Entry, answer.Stalled).ConfigureAwait(false))
                if (entry?.Name is { } name && ItemName.IsListable(name)) items.Add(entry.ToInfo());
        }
        catch (JsonException e)
        {
            throw Unreadable(e);
        }
        return items;
    }

    /// <summary>Reads a part of a tree listing.</summary>
    public static async Task<ListingPage> ReadTreePageAsync(RestAnswer answer)
    {
        try
        {
            var body = await answer.Response.Content.ReadAsStreamAsync(answer.Stalled).ConfigureAwait(false);
            var page = await JsonSerializer.DeserializeAsync(body, Formats.Default.TreePage, answer.Stalled).ConfigureAwait(false);
            return new([.. (page?.Items ?? []).Where(entry => IsPath(entry.Name)).Select(entry => entry.ToInfo())], page?.Next);
        }
        catch (JsonException e)
        {
            throw Unreadable(e);
        }
    }

    /// <summary>Reads a listing of unfinished uploads.</summary>
    public static async Task<List<TemporaryItem>> ReadTemporariesAsync(RestAnswer answer)
    {
        using var json = await ParseAsync(answer).ConfigureAwait(false);
        return [.. json.RootElement.EnumerateArray().Select(item => new TemporaryItem(item.GetProperty("id").GetString()!,
            item.GetProperty("size").GetInt64(), DateTime.UnixEpoch.AddTicks((long)(item.GetProperty("mtime").GetDecimal() * TimeSpan.TicksPerSecond))))];
    }

    /// <summary>Reads a small answer.</summary>
    public static async Task<JsonDocument> ParseAsync(RestAnswer answer)
    {
        try
        {
            var body = await answer.Response.Content.ReadAsStreamAsync(answer.Stalled).ConfigureAwait(false);
            return await JsonDocument.ParseAsync(body, default, answer.Stalled).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw Unreadable(e);
        }
    }

    /// <summary>A time from seconds since 1970; 0 stands for not known.</summary>
    public static DateTime? ToTime(double? seconds)
        => seconds is > 0 and < 253402300800 ? DateTime.UnixEpoch.AddTicks((long)(seconds.Value * TimeSpan.TicksPerSecond)) : null;

    private static bool IsPath(string? path)
    {
        if (path is null) return false;
        foreach (var element in path.Split('/'))
            if (element == "." || !ItemName.IsListable(element)) return false;
        return true;
    }

    private static StoreException Unreadable(JsonException e)
        => new(StoreError.BackendFailure, "The REST server's answer is no JSON of the expected form.", innerException: e);

    internal sealed record Entry(string? Name, long Size, bool Directory, double? Atime, double? Mtime)
    {
        public ItemInfo ToInfo() => new(Name!, Directory ? 0 : Size, Directory, ToTime(Atime), ToTime(Mtime));
    }

    internal sealed record TreePage(List<Entry> Items, string? Next);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Entry))]
    [JsonSerializable(typeof(TreePage))]
    private sealed partial class Formats : JsonSerializerContext;
}
