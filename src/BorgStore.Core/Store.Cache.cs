using BorgStore.Caching;

namespace BorgStore;

/// <content>The cache.</content>
public sealed partial class Store
{
    /// <summary>Whether the store was opened with a cache.</summary>
    public bool HasCache => _caching is not null;

    /// <summary>Removes an item from the cache, so that it is loaded anew when it is next asked for. The item itself stays.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it was in the cache.</returns>
    public async ValueTask<bool> ClearCachedItemAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var caching = DemandCache();
        var wasCached = false;
        foreach (var level in FindNamespace(name).Levels)
            wasCached |= await caching.ClearAsync(NestToRead(name, level, deleted), cancellationToken).ConfigureAwait(false);
        return wasCached;
    }

    /// <summary>Removes all items of a namespace from the cache. The items themselves stay.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">Ends the work; what is removed by then stays removed.</param>
    public async Task ClearCachedNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        await DemandCache().ClearNamespaceAsync(DemandNamespace(ns), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes everything from the cache. The store itself stays as it is.</summary>
    /// <param name="cancellationToken">Ends the work; what is removed by then stays removed.</param>
    public async Task ClearCacheAsync(CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        await DemandCache().ClearAllAsync(cancellationToken).ConfigureAwait(false);
    }

    private CachingBackend DemandCache()
        => _caching ?? throw new StoreException(StoreError.InvalidArgument,
            $"The store '{Url}' has no cache to clear. Open it with one, by -CacheUri and the Cache of a namespace.", Url);
}
