namespace BorgStore.Layout;

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
