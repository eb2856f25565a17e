namespace BorgStore.Backends.S3;

/// <summary>How large values are cut.</summary>
internal static class PartSizes
{
    /// <summary>The smallest part that is not the last, for every server [bytes].</summary>
    public const int Smallest = 5 << 20;

    /// <summary>The part of a value of ordinary size, and the largest value that goes in one request [bytes].</summary>
    public const int Ordinary = 8 << 20;

    /// <summary>The most that one request copies on the server [bytes]. S3 allows 5 GiB; a smaller one is answered before somebody
    /// between here and there loses patience.</summary>
    public const long LargestCopy = 1L << 30;

    // S3 takes 10,000 parts.
    private const int MostParts = 9_500;
    private const int Step = 1 << 20;

    /// <summary>How large the parts of a value are, so that they are few enough.</summary>
    /// <param name="length">The size of the value [bytes].</param>
    public static int For(long length)
    {
        var needed = (length + MostParts - 1) / MostParts;
        var size = Math.Max(Ordinary, (needed + Step - 1) / Step * Step);
        return size <= Array.MaxLength ? (int)size : throw new StoreException(StoreError.InvalidArgument,
            $"A value of {length} bytes is larger than S3 takes.");
    }
}
