namespace BorgStore.Backends;

/// <summary>A part of a value.</summary>
/// <param name="Offset">The first byte; a negative offset counts from the end of the value.</param>
/// <param name="Length">The number of bytes; <see langword="null"/> for everything up to the end.</param>
public readonly record struct ByteRange(long Offset, long? Length = null)
{
    /// <summary>The whole value.</summary>
    public static ByteRange Whole => default;

    /// <summary>Whether this is the whole value.</summary>
    public bool IsWhole => Offset == 0 && Length is null;

    /// <summary>Resolves the range for a value of a known size: the part outside the value is cut off.</summary>
    /// <param name="size">The size of the value [bytes].</param>
    /// <returns>The first byte and the number of bytes.</returns>
    public (long Start, long Count) Resolve(long size)
    {
        // A suffix longer than the value means the whole value.
        var start = Offset >= 0 ? Math.Min(Offset, size) : Math.Max(0, size + Offset);
        return (start, Math.Min(Length ?? long.MaxValue, size - start));
    }
}
