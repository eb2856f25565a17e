using System.Buffers.Binary;
using System.Text.Json;
using BorgStore.Backends;

namespace BorgStore.Verification;

/// <summary>Reads from a fragment of Borg's index which packs there should be, if it is not encrypted.</summary>
/// <remarks>A fragment is a table of the package borghash: <c>BORGHASH</c>, a version and the size of a description (4 bytes each, little
/// endian), the description in JSON, and entries of a chunk's id and its value, one field of which is the id of its pack. Repositories
/// that are authenticated but not encrypted have an envelope of 34 bytes in front of it.</remarks>
internal static class ChunkIndex
{
    private const int EnvelopeSize = 34;
    private const int PreambleSize = 16;
    private const int MaxDescriptionSize = 64 * 1024;
    private const int EntriesAtOnce = 1024;
    private const int IdSize = 32;

    // Borg's entries have about 80 bytes.
    private const int MaxEntrySize = 4096;

    private static ReadOnlySpan<byte> Magic => "BORGHASH"u8;

    /// <summary>Reads the packs to which a fragment refers.</summary>
    /// <param name="fragment">The fragment.</param>
    /// <param name="packs">Receives the keys of the packs.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it could be read without a key.</returns>
    public static async ValueTask<bool> TryReadAsync(ValueStream fragment, ISet<string> packs, CancellationToken cancellationToken)
    {
        var start = new byte[EnvelopeSize + PreambleSize];
        var read = await fragment.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var offset = start.AsSpan(0, read).StartsWith(Magic) ? 0 : start.AsSpan(Math.Min(EnvelopeSize, read)).StartsWith(Magic) ? EnvelopeSize : -1;
        if (offset < 0 || read - offset < PreambleSize) return false;

        var size = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(offset + 12));
        if (size > MaxDescriptionSize) return false;
        // The bytes read beyond the preamble belong to the description.
        var ahead = start[(offset + PreambleSize)..read];
        var description = new byte[size];
        if (ahead.Length > description.Length) return false;
        ahead.CopyTo(description, 0);
        if (await fragment.ReadAtLeastAsync(description.AsMemory(ahead.Length), description.Length - ahead.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false)
            < description.Length - ahead.Length) return false;
        if (ReadDescription(description) is not var (entrySize, packOffset)) return false;

        var entries = new byte[entrySize * EntriesAtOnce];
        int count;
        do
        {
            count = await fragment.ReadAtLeastAsync(entries, entries.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) / entrySize;
            for (var i = 0; i < count; i++)
                packs.Add(Convert.ToHexString(entries, i * entrySize + packOffset, IdSize).ToLowerInvariant());
        }
        while (count == EntriesAtOnce);
        return true;
    }

    // Returns the size of an entry and where the id of the pack is in it; null for a table without packs.
    private static (int EntrySize, int PackOffset)? ReadDescription(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            var keySize = root.GetProperty("key_size").GetInt32();
            var valueSize = root.GetProperty("value_size").GetInt32();
            var fields = root.GetProperty("value_type_fields").EnumerateArray().Select(field => field.GetString()).ToList();
            var sizes = root.GetProperty("value_format").EnumerateArray().Select(format => SizeOf(format.GetString())).ToList();
            var pack = fields.IndexOf("pack_id");
            if (pack < 0 || sizes.Count != fields.Count || sizes[pack] != IdSize || keySize is < 0 or > 256 || valueSize != sizes.Sum() || keySize + valueSize > MaxEntrySize) return null;
            return (keySize + valueSize, keySize + sizes.Take(pack).Sum());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    // The sizes of the formats of Python's struct that can occur, without padding.
    private static int SizeOf(string? format) => format switch
    {
        "B" or "b" or "?" => 1,
        "H" or "h" => 2,
        "I" or "i" or "L" or "l" => 4,
        "Q" or "q" => 8,
        [.. var digits, 's'] when int.TryParse(digits, out var count) && count is > 0 and <= 256 => count,
        _ => throw new FormatException(),
    };
}
