using System.Globalization;
using BorgStore.Backends;

namespace BorgStore.Server.Http;

/// <summary>Parses the Range header like the Python server: anything but a single range of bytes means the whole value.</summary>
internal static class RangeHeader
{
    /// <summary>Parses the header.</summary>
    /// <param name="header">The header, or an empty text if there is none.</param>
    public static ByteRange Parse(string header)
    {
        const string Unit = "bytes=";
        if (!header.StartsWith(Unit, StringComparison.Ordinal)) return ByteRange.Whole;
        var range = header.AsSpan(Unit.Length);
        var dash = range.IndexOf('-');
        if (dash < 0 || range[(dash + 1)..].Contains('-')) return ByteRange.Whole;

        var (hasStart, start) = ParseNumber(range[..dash]);
        var (hasEnd, end) = ParseNumber(range[(dash + 1)..]);
        if (dash == 0)
            // The last 0 bytes are none, but an offset of 0 would be the whole value.
            return !hasEnd ? ByteRange.Whole : end == 0 ? new(0, 0) : new(-end);
        if (!hasStart || (!hasEnd && dash + 1 < range.Length)) return ByteRange.Whole;
        if (!hasEnd) return new(start);
        // An end just before the start is an empty range, which the Python client requests to read 0 bytes.
        return end >= start - 1
            ? new(start, end - start == long.MaxValue ? null : end - start + 1)
            : throw new StoreException(StoreError.InvalidArgument, $"The range 'bytes={start}-{end}' ends before it begins.");
    }

    private static (bool IsNumber, long Number) ParseNumber(ReadOnlySpan<char> text)
        // .NET would ignore NULs at the end.
        => text.ContainsAnyExceptInRange('0', '9') ? default : (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number), number);
}
