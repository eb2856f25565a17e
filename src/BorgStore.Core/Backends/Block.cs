namespace BorgStore.Backends;

/// <summary>A part of a value.</summary>
/// <param name="Name">The name of the item; a nested name in calls to a backend.</param>
/// <param name="Offset">The first byte; when gathering, a negative offset counts from the end of the value.</param>
/// <param name="Length">The number of bytes.</param>
public readonly record struct Block(string Name, long Offset, long Length)
{
    /// <summary>The maximum number of blocks in one request.</summary>
    public const int MaxCount = 100_000;

    /// <summary>Throws <see cref="StoreError.InvalidArgument"/> if one request has too many blocks.</summary>
    /// <param name="count">The number of blocks.</param>
    internal static void CheckCount(int count)
    {
        if (count > MaxCount)
            throw new StoreException(StoreError.InvalidArgument, $"There are more than {MaxCount} blocks in one request. Split them into several requests.");
    }

    /// <summary>Throws <see cref="StoreError.ReadRange"/> unless the block is entirely inside its item.</summary>
    /// <param name="size">The size of the item [bytes].</param>
    public void ThrowIfOutside(long size)
    {
        if (Offset < 0 || Length < 0 || Offset > size - Length) throw Outside(size);
    }

    /// <summary>Returns the exception for a block whose item does not exist.</summary>
    internal StoreException Missing() => new(StoreError.ObjectNotFound, name: Name);

    /// <summary>Returns the exception for a block that is not entirely inside its item.</summary>
    /// <param name="size">The size of the item [bytes]; <see langword="null"/> if it is only known to be too small.</param>
    internal StoreException Outside(long? size)
        => new(StoreError.ReadRange, $"it {(size is null ? "is not that large" : $"has {size} bytes")}, and {Length} bytes from offset {Offset} were requested", Name);
}
