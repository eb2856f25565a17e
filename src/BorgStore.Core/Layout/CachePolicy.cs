namespace BorgStore.Layout;

/// <summary>How a namespace is cached.</summary>
public sealed record CachePolicy
{
    /// <summary>Initializes the policy of a namespace.</summary>
    /// <param name="mode">How the namespace is cached.</param>
    public CachePolicy(CacheMode mode) => Mode = mode;

    /// <summary>No caching.</summary>
    public static CachePolicy Off { get; } = new(CacheMode.Off);

    /// <summary>How the namespace is cached.</summary>
    public CacheMode Mode { get; }

    /// <summary>How long an item stays in the cache after its last access; <see langword="null"/> for no limit.</summary>
    public TimeSpan? MaxAge
    {
        get;
        init => field = value is not { } age || age >= TimeSpan.Zero ? value
            : throw new StoreException(StoreError.InvalidArgument, "The maximum age of cached items is negative. Give a time span, or none.");
    }

    /// <summary>The maximum total size of the namespace's cached values [bytes];
    /// <see langword="null"/> for no limit. The least recently used items are evicted first.</summary>
    public long? Size
    {
        get;
        init => field = value is not < 0 ? value
            : throw new StoreException(StoreError.InvalidArgument, "The size of a cache is negative. Give a number of bytes, or none.");
    }

    /// <summary>Whether to verify values that are named by their hash before they are loaded from the cache: a key of 64
    /// hexadecimal digits must be the SHA-256 or BLAKE3 of the value. Values with other keys are not verified.</summary>
    public bool Verify { get; init; }

    /// <summary>Whether accesses must be recorded.</summary>
    internal bool IsLimited => MaxAge is not null || Size is not null;
}

/// <summary>How a namespace is cached.</summary>
public enum CacheMode
{
    /// <summary>No caching.</summary>
    Off,

    /// <summary>Values are loaded from the cache first; writes go to both. For namespaces whose values never change under their name.</summary>
    WriteThrough,

    /// <summary>Values are always loaded from the storage, with a copy kept in the cache; writes go to both.</summary>
    Mirror,
}
