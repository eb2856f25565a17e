namespace BorgStore.Layout;

/// <summary>How a namespace is cached.</summary>
public sealed record CachePolicy
{
    /// <summary>Describes the caching of a namespace.</summary>
    /// <param name="mode">How the cache stands in front of it.</param>
    public CachePolicy(CacheMode mode) => Mode = mode;

    /// <summary>No caching.</summary>
    public static CachePolicy Off { get; } = new(CacheMode.Off);

    /// <summary>How the cache stands in front of the namespace.</summary>
    public CacheMode Mode { get; }

    /// <summary>How long an item stays in the cache after it was last asked for; <see langword="null"/> for as long as there is room.</summary>
    public TimeSpan? MaxAge
    {
        get;
        init => field = value is not { } age || age >= TimeSpan.Zero ? value
            : throw new StoreException(StoreError.InvalidArgument, "The greatest age of cached items is negative. Give a time span, or none.");
    }

    /// <summary>How much the cached values of the namespace may take together [bytes]; <see langword="null"/> for no limit. What was
    /// not asked for the longest time goes first.</summary>
    public long? Size
    {
        get;
        init => field = value is not < 0 ? value
            : throw new StoreException(StoreError.InvalidArgument, "The size of a cache is negative. Give a number of bytes, or none.");
    }

    /// <summary>Whether values that are named by their hash are checked before they are taken from the cache: where the key has 64
    /// hexadecimal digits it must be the SHA-256 or BLAKE3 of the value. Other keys are not checked.</summary>
    public bool Verify { get; init; }

    /// <summary>Whether a record of the accesses is needed.</summary>
    internal bool IsLimited => MaxAge is not null || Size is not null;
}
