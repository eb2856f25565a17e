using BorgStore.Backends;
using BorgStore.Caching.Access;
using BorgStore.Layout;

namespace BorgStore.Caching;

/// <summary>Keeps values in a cache in front of a slow storage, by the policies of the namespaces.</summary>
/// <remarks>
/// <para>The cache holds values under the same nested names as the storage. All else (finding, listing, hashing, defragmentation)
/// is asked of the storage. What the cache fails to do is counted and never fails an operation.</para>
/// <para>At no moment does the cache hold a value that differs from the one in the storage, so that a crash is harmless: what is
/// to be replaced, deleted or renamed leaves the cache before, and what is new comes to it after.</para>
/// </remarks>
internal sealed partial class CachingBackend : DelegatingBackend
{
    // Small caches are known as a whole when opening returns.
    private static readonly TimeSpan LongestWaitForListing = TimeSpan.FromMilliseconds(250);

    // What others left unfinished in the cache so long ago has nobody any more who could finish it.
    private static readonly TimeSpan AgeOfLeftovers = TimeSpan.FromHours(1);

    private readonly CacheStorage _cache;
    private readonly StoreLayout _layout;
    private readonly TimeProvider _time;
    private readonly string _shownUrl;
    private readonly Dictionary<string, CachedNamespace> _namespaces;
    private readonly NameTable _names = new();
    private readonly OperationGate _gate = new();
    private readonly AccessJournal _journal;
    private readonly CancellationTokenSource _closing = new();
    private TaskCompletionSource _relistingDue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _listing = Task.CompletedTask;
    private Task _upkeep = Task.CompletedTask;
    private long _accessesSince;

    /// <summary>Puts a cache in front of a storage.</summary>
    /// <param name="primary">The storage.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="layout">The namespaces with their policies.</param>
    /// <param name="shownUrl">What the store is called in errors.</param>
    /// <param name="time">The clock, for tests to turn.</param>
    public CachingBackend(IBackend primary, CacheStorage cache, StoreLayout layout, string shownUrl, TimeProvider? time = null)
        : base(primary)
    {
        (_cache, _layout, _shownUrl, _time) = (cache, layout, shownUrl, time ?? TimeProvider.System);
        _journal = new(cache.Backend);
        _namespaces = layout.Namespaces.Where(ns => ns.Cache.Mode != CacheMode.Off)
            .ToDictionary(ns => ns.Name, ns => new CachedNamespace(ns.Name, ns.Cache, cache, _time, () => _relistingDue.TrySetResult()));
    }

    /// <summary>Ends when all that was cached before is known.</summary>
    public Task WhenListed => _listing;

    /// <summary>Makes the store. An existing cache must be empty, since what it holds is not of this store.</summary>
    public override async Task CreateAsync(CancellationToken cancellationToken)
    {
        if (await _cache.HoldsAnythingAsync(cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.StoreAlreadyExists,
                $"The store was not created: its cache '{_cache.ShownUrl}' holds values of another one already. Choose an empty place for the cache, or remove what is there.",
                _cache.ShownUrl);
        await base.CreateAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes the store, and its cache.</summary>
    public override async Task DestroyAsync(CancellationToken cancellationToken)
    {
        await base.DestroyAsync(cancellationToken).ConfigureAwait(false);
        await _cache.DestroyAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        await base.OpenAsync(cancellationToken).ConfigureAwait(false);
        if (!_cache.IsUsable && !_cache.Meter.IsDisabled) await _cache.OpenAsync(cancellationToken).ConfigureAwait(false);
        if (!_cache.IsUsable || !_namespaces.Values.Any(ns => ns.Policy.IsLimited)) return;

        _accessesSince = NowInMilliseconds;
        _listing = Task.Run(() => ListAsync(_closing.Token), CancellationToken.None);
        _upkeep = Task.Run(() => KeepUpAsync(_closing.Token), CancellationToken.None);
        await Task.WhenAny(_listing, Task.Delay(LongestWaitForListing, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        var (wasOpen, idle) = _gate.Close();
        await idle.ConfigureAwait(false);
        if (wasOpen)
        {
            await _names.GiveUpFillsAsync().ConfigureAwait(false);
            await EndUpkeepAsync().ConfigureAwait(false);
            await _cache.CloseAsync().ConfigureAwait(false);
        }
        await base.DisposeAsync().ConfigureAwait(false);
        if (wasOpen) _closing.Dispose();
    }

    /// <summary>Removes an item from the cache.</summary>
    /// <returns>Whether it was there.</returns>
    public async ValueTask<bool> ClearAsync(string name, CancellationToken cancellationToken)
    {
        if (FindCached(name) is not { } ns) return false;
        DemandUsable();
        using var change = await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false);
        ns.Forget(name);
        if (!await _cache.Backend.DeleteAsync(name, cancellationToken).ConfigureAwait(false)) return false;
        _cache.Meter.AddDelete();
        return true;
    }

    /// <summary>Removes all items of a namespace from the cache.</summary>
    public async Task ClearNamespaceAsync(NamespaceLayout layout, CancellationToken cancellationToken)
    {
        if (!_namespaces.TryGetValue(layout.Name, out var ns)) return;
        DemandUsable();
        var prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";
        try
        {
            await foreach (var item in _cache.Backend.ListAsync(ns.Name, ListScope.Tree, cancellationToken).ConfigureAwait(false))
                if (IsOwn(ns, prefix + item.Name))
                    await ClearAsync(prefix + item.Name, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing was ever cached.
        }
    }

    /// <summary>Removes everything from the cache.</summary>
    public async Task ClearAllAsync(CancellationToken cancellationToken)
    {
        foreach (var ns in _layout.Namespaces) await ClearNamespaceAsync(ns, cancellationToken).ConfigureAwait(false);
    }

    private long NowInMilliseconds => _time.GetUtcNow().ToUnixTimeMilliseconds();

    // The namespace of a nested name, if it is cached and the cache works.
    private CachedNamespace? FindCached(string name)
        => _cache.IsUsable && _layout.Find(name) is { } ns ? _namespaces.GetValueOrDefault(ns.Name) : null;

    private bool IsOwn(CachedNamespace ns, string name) => _layout.Find(name)?.Name == ns.Name;

    private void DemandUsable()
    {
        if (!_cache.IsUsable)
            throw new StoreException(StoreError.BackendFailure,
                $"The cache '{_cache.ShownUrl}' was not cleared: it does not work. Mend it, then open the store again.", _cache.ShownUrl);
    }
}
