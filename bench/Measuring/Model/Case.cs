using System.Globalization;
using System.Text.Json.Serialization;

namespace BorgStore.Benchmarks.Measuring.Model;

/// <summary>A thing that is measured: an operation on so many items of a size, so many at a time, at a place.</summary>
/// <param name="Place">The place: a backend, or a group of other measurements.</param>
/// <param name="Operation">The operation.</param>
/// <param name="Size">The size of each value [bytes].</param>
/// <param name="Concurrency">The number of operations at a time.</param>
/// <param name="Count">The number of items.</param>
internal sealed record Case(string Place, string Operation, long Size, int Concurrency, int Count)
{
    /// <summary>The text that <c>--only</c> is compared with, and that reports show.</summary>
    [JsonIgnore]
    public string Title => string.Create(CultureInfo.InvariantCulture, $"{Place} {Operation} {SizeText(Size)} ×{Concurrency}, {Count} items");

    public static string SizeText(long size) => size switch
    {
        < 1 << 10 => string.Create(CultureInfo.InvariantCulture, $"{size} B"),
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{size >> 10} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{size >> 20} MiB"),
    };
}
