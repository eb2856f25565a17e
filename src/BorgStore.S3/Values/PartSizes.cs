namespace BorgStore.Backends.S3.Values;

/// <summary>The sizes of the parts of large values.</summary>
internal static class PartSizes
{
    /// <summary>The minimum size of every part but the last, for all servers [bytes].</summary>
    public const int MinPartSize = 5 << 20;

    /// <summary>The part size for ordinary values, and the largest value that is sent in one request [bytes].</summary>
    public const int DefaultPartSize = 8 << 20;

    /// <summary>The maximum size of a copy on the server by one request [bytes]. S3 allows
    /// 5 GiB; a smaller copy is answered before a proxy or the server times out.</summary>
    public const long MaxCopySize = 1L << 30;

    // S3 allows 10,000 parts.
    private const int MaxParts = 9_500;
    private const int Step = 1 << 20;

    /// <summary>Returns the part size for a value, so that there are not too many parts.</summary>
    /// <param name="length">The size of the value [bytes].</param>
    public static int For(long length)
    {
        var needed = (length + MaxParts - 1) / MaxParts;
        var size = Math.Max(DefaultPartSize, (needed + Step - 1) / Step * Step);
        return size <= Array.MaxLength ? (int)size : throw new StoreException(StoreError.InvalidArgument,
            $"A value of {length} bytes is larger than S3 allows.");
    }
}
