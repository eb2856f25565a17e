namespace BorgStore.Backends;

/// <summary>A part of a value.</summary>
/// <param name="Offset">The first byte; counted from the end of the value where it is negative.</param>
/// <param name="Length">How many bytes; <see langword="null"/> for all to the end.</param>
public readonly record struct ByteRange(long Offset, long? Length = null)
{
    /// <summary>The whole value.</summary>
    public static ByteRange Whole => default;

    /// <summary>Whether this is the whole value.</summary>
    public bool IsWhole => Offset == 0 && Length is null;

    /// <summary>What the range means for a value of a known size: what lies outside the value is cut off.</summary>
    /// <param name="size">The size of the value [bytes].</param>
    /// <returns>The first byte and the number of bytes.</returns>
    public (long Start, long Count) Resolve(long size)
    {
        // A suffix longer than the value is the whole value.
        var start = Offset >= 0 ? Math.Min(Offset, size) : Math.Max(0, size + Offset);
        return (start, Math.Min(Length ?? long.MaxValue, size - start));
    }
}
