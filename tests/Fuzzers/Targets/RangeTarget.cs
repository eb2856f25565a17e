using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;
using BorgStore.Backends;
using BorgStore.Server.Http;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Ranges of values, compared with the same computation in numbers of any size.</summary>
/// <remarks>An input is <c>HEADER~SIZE~OFFSET~LENGTH</c>, with the Range header of a request.</remarks>
internal sealed partial class RangeTarget : IFuzzTarget
{
    public IReadOnlyList<string> Tokens => ["bytes=", "-", ",", "~", " ", "+", "items="];

    public void Run(byte[] input)
    {
        var parts = Check.Texts(input).First().Split('~');
        CheckHeader(parts[0]);
        if (parts.Length < 4 || ReadNumber(parts[1]) is not (>= 0 and var size) || ReadNumber(parts[2]) is not { } offset) return;
        var length = ReadNumber(parts[3]);
        if (length is null or >= 0) CheckResolve(new(offset, length), size);
        var isInside = offset >= 0 && length >= 0 && new BigInteger(offset) + length <= size;
        Check.Equal(isInside, !Check.IsRefused(() => new Block("a", offset, length ?? -1).ThrowIfOutside(size)), $"whether a block at {offset} of {length} bytes is inside of {size}");
    }

    private static void CheckResolve(ByteRange range, long size)
    {
        var (start, count) = range.Resolve(size);
        var first = BigInteger.Max(0, BigInteger.Min(size, range.Offset >= 0 ? range.Offset : size + (BigInteger)range.Offset));
        var last = range.Length is { } length ? BigInteger.Min(size, first + length) : size;
        Check.Equal<(BigInteger, BigInteger)>((first, last - first), (start, count), $"{range} of {size} bytes");
    }

    // As the Python server understands it: one range of bytes, or the whole value.
    private static void CheckHeader(string header)
    {
        var range = default(ByteRange);
        var isRefused = Check.IsRefused(() => range = RangeHeader.Parse(header));
        var match = Pattern().Match(header);
        BigInteger? start = ReadLarge(match.Groups[1].Value), end = ReadLarge(match.Groups[2].Value);
        // Numbers beyond 64 bits are no numbers here.
        if (!match.Success || start > long.MaxValue || end > long.MaxValue || (start is null && end is null))
        {
            Check.That(!isRefused && range.IsWhole, () => $"'{header}' is not a single range.");
            return;
        }
        Check.Equal(isRefused, start is not null && end < start - 1, $"whether '{header}' ends before it begins");
        if (isRefused) return;
        foreach (var size in new long[] { 0, 1, 10, 4097, long.MaxValue })
        {
            var (from, count) = range.Resolve(size);
            var first = start is null ? BigInteger.Max(0, size - end!.Value) : BigInteger.Min(size, start.Value);
            var last = start is null || end is null ? size : BigInteger.Max(first, BigInteger.Min(size, end.Value + 1));
            // Where nothing begins does not matter.
            Check.Equal<(BigInteger, BigInteger)>((last == first ? from : first, last - first), (from, count), $"'{header}' of {size} bytes");
        }
    }

    private static long? ReadNumber(string text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static BigInteger? ReadLarge(string text) => text.Length == 0 ? null : BigInteger.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^bytes=([0-9]*)-([0-9]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
