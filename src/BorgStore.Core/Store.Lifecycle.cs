using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Layout;

namespace BorgStore;

/// <content>Making, opening, closing and destroying.</content>
public sealed partial class Store
{
    /// <summary>Makes a store in an empty place and opens it.</summary>
    /// <param name="options">Where, and with which namespaces.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<Store> CreateAsync(StoreOptions options, CancellationToken cancellationToken = default)
    {
        // First of all: who gives a path where a URL is wanted is told that, not what else may be missing.
        StoreUrl.GetScheme(options.Url);
        if (options.Layout is null)
            throw new StoreException(StoreError.LayoutUnknown,
                "A new store needs its namespaces and their levels, as in -Namespace @{ config = 0; data = 2 }, or -Preset Borg2.",
                StoreUrl.Redact(options.Url));
        var chain = StoreChain.Create(options);
        try
        {
            await chain.Head.CreateAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await chain.Head.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        var store = await OpenAsync(chain, options, cancellationToken).ConfigureAwait(false);
        try
        {
            // They show that this is a store, to the next one who wants to make one here with other namespaces or levels. Borg wants
            // an empty place for a new repository.
            var namespaces = options.Layout == StoreLayout.Borg2 ? [] : options.Layout.Namespaces;
            await Task.WhenAll(namespaces.Where(ns => ns.Name.Length > 0)
                .Select(ns => chain.Head.MakeDirectoryAsync(ns.Name, cancellationToken).AsTask())).ConfigureAwait(false);
            chain.Meter.Reset();
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Opens a store.</summary>
    /// <param name="options">Where; without a layout it is recognised from what lies in the store.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task<Store> OpenAsync(StoreOptions options, CancellationToken cancellationToken = default)
        => OpenAsync(StoreChain.Create(options), options, cancellationToken);

    /// <summary>Opens a store on a backend of the caller's own, which the store then owns.</summary>
    /// <param name="backend">A backend that is not open yet.</param>
    /// <param name="options">The layout, and what else is not the backend's.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static Task<Store> OpenAsync(IBackend backend, StoreOptions options, CancellationToken cancellationToken = default)
        => OpenAsync(StoreChain.Create(backend, options), options, cancellationToken);

    private static async Task<Store> OpenAsync(StoreChain chain, StoreOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await chain.Head.OpenAsync(cancellationToken).ConfigureAwait(false);
            var layout = options.Layout ?? await LayoutRecognition.RecognizeAsync(chain.Head, options.RecalledLayout, cancellationToken).ConfigureAwait(false);
            // What recognition asked for is nobody's work.
            chain.Meter.Reset();
            return new(chain, layout, options.Layout is not null, layout == options.RecalledLayout, StoreUrl.Redact(options.Url));
        }
        catch
        {
            await chain.Head.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Removes a store with all that is in it, for good, and its cache where the options name one. Where something else lies
    /// there too, nothing is removed.</summary>
    /// <param name="options">Where.</param>
    /// <param name="cancellationToken">Ends the wait; what is removed by then stays removed.</param>
    public static async Task DestroyAsync(StoreOptions options, CancellationToken cancellationToken = default)
    {
        var shownUrl = StoreUrl.Redact(options.Url);
        var looking = new ExplainingBackend(BackendFactory.Create(options.Url, options.ToBackendOptions()), shownUrl);
        await using (looking.ConfigureAwait(false))
        {
            await looking.OpenAsync(cancellationToken).ConfigureAwait(false);
            if (await MisplacedContent.FindAsync(looking, options.Layout, cancellationToken).ConfigureAwait(false) is var (path, reason))
                throw ForeignContent.Refuse(shownUrl, path, reason);
        }
        var backend = new ExplainingBackend(BackendFactory.Create(options.Url, options.ToBackendOptions()), shownUrl);
        await using (backend.ConfigureAwait(false))
        {
            await backend.DestroyAsync(cancellationToken).ConfigureAwait(false);
        }
        if (!options.HasCache) return;
        var cache = StoreChain.CreateCache(options, new());
        await cache.DestroyAsync(cancellationToken).ConfigureAwait(false);
        await cache.CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Whether the store is closed.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Returns the Borg 2 repository that the store is, or <see langword="null"/> if it is none.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal async ValueTask<BorgRepository?> FindBorgRepositoryAsync(CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(Url);
        return await BorgRepository.FindAsync(_backend, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns when all that was stored before the call is as safe from a power cut as the storage can make it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        await _backend.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the store: waits for the operations in flight, flushes, and gives its resources back.</summary>
    public async ValueTask DisposeAsync()
    {
        var (wasOpen, idle) = _gate.Close();
        await idle.ConfigureAwait(false);
        if (!wasOpen) return;
        IsClosed = true;
        await _backend.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Makes the directory of a namespace, which otherwise comes with its first item.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask MakeNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        await _backend.MakeDirectoryAsync(DemandNamespace(ns).Name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes the directory of a namespace without items. Empty nesting directories in it have to be removed first.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask RemoveNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        if (!await _backend.RemoveDirectoryAsync(DemandNamespace(ns).Name, cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.ObjectNotFound, $"There is no namespace '{ns}'.", ns);
    }

    private NamespaceLayout DemandNamespace(string ns)
        => Layout.FindNamespace(ns)
            ?? throw new StoreException(StoreError.LayoutUnknown, DescribeMissingNamespace(ns.TrimEnd('/') + "/"), ns);
}
