namespace BorgStore.Layout;

/// <summary>How a cache stands in front of a namespace.</summary>
public enum CacheMode
{
    /// <summary>Not at all.</summary>
    Off,

    /// <summary>Reads ask the cache first; writes go to both. For namespaces whose values never change under their name.</summary>
    WriteThrough,

    /// <summary>Reads ask the storage each time and leave a copy in the cache; writes go to both.</summary>
    Mirror,
}
