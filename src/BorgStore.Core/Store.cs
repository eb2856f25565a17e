using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Caching;
using BorgStore.Diagnostics;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <summary>A key/value store: keys such as <c>config/main</c> in namespaces, values of bytes.</summary>
/// <remarks>
/// <para>All methods may be called from many threads at once; there is no lock around a store.</para>
/// <para>What fails throws <see cref="StoreException"/>. A reader sees a value complete or not at all, and what was refused leaves
/// nothing behind.</para>
/// </remarks>
public sealed partial class Store : IAsyncDisposable
{
    private readonly ExplainingBackend _backend;
    private readonly OperationGate _gate;
    private readonly Meter _meter = new();
    private readonly Meter _backendMeter;
    private readonly CachingBackend? _caching;
    private readonly CacheMeter? _cacheMeter;
    private readonly bool _layoutIsGiven;
    private readonly bool _layoutIsRecalled;
    private long _foreignNames;

    private Store(StoreChain chain, StoreLayout layout, bool layoutIsGiven, bool layoutIsRecalled, string shownUrl)
    {
        (_backend, _backendMeter, _caching, _cacheMeter) = (chain.Head, chain.Meter, chain.Caching, chain.CacheMeter);
        (Layout, _layoutIsGiven, _layoutIsRecalled, Url) = (layout, layoutIsGiven, layoutIsRecalled, shownUrl);
        _backend.Layout = layout;
        _gate = new(shownUrl);
        _gate.Open();
    }

    /// <summary>The URL, without its password.</summary>
    public string Url { get; }

    /// <summary>The namespaces and their levels.</summary>
    public StoreLayout Layout { get; }

    /// <summary>The layout if it was recognised and may be recalled when the store is opened again; <see langword="null"/> if it was given, has
    /// unknown levels, or was found to be wrong.</summary>
    internal StoreLayout? RecallableLayout
        => !_layoutIsGiven && !_layoutIsOutdated && Layout != StoreLayout.Borg2 && Layout.Namespaces.Count > 0 && Layout.Namespaces.All(ns => ns.IsKnown) ? Layout : null;

    /// <inheritdoc/>
    public override string ToString() => Url;

    // The namespace of a name that is to be read.
    private NamespaceLayout FindNamespace(string name)
    {
        if (name.EndsWith(Suffixes.Deleted, StringComparison.Ordinal))
            throw new StoreException(StoreError.InvalidName,
                $"'{name}' is no valid name: '{Suffixes.Deleted}' at its end marks an item that is soft-deleted. The name of that is '{name[..^Suffixes.Deleted.Length]}', with -Deleted.", name);
        return Layout.Find(name) is { } ns && !name.EndsWith('/') ? ns : throw Misplaced(name);
    }

    // The namespace of a name that is to be written anew: its level has to be known.
    private static NamespaceLayout DemandWritable(NamespaceLayout ns, string name)
        => ns.IsKnown ? ns : throw new StoreException(StoreError.LayoutUnknown,
            $"'{name}' was not stored: the levels of namespace '{ns.Name}' cannot be told from what lies in the store. Open the store with them, as in -Namespace @{{ {Quote(ns.Name)} = 2 }}.",
            name);

    // Says of a name that lies in no namespace what it most likely was meant to be.
    private StoreException Misplaced(string name)
    {
        var likely = name.Replace('\\', '/').Trim('/').ToLowerInvariant();
        if (IsNamespace(likely))
            return new(name == likely ? StoreError.LayoutUnknown : StoreError.InvalidName, $"'{name}' is no item: {DescribeNamespace(likely)}.", name);
        if (name != likely && Layout.Find(likely) is not null)
            return new(StoreError.InvalidName,
                $"'{name}' is no valid name. Names are lower case, with '/' between namespace and key and none at the ends: write '{likely}'.", name);
        return new(StoreError.LayoutUnknown, DescribeMissingNamespace(name), name);
    }

    private bool IsNamespace(string name) => name.Length > 0 && Layout.FindNamespace(name) is not null;

    private static string DescribeNamespace(string ns) => $"'{ns}' is a namespace, and the items in it are {ns}/*";

    private string DescribeMissingNamespace(string name)
    {
        if (name.Contains("://", StringComparison.Ordinal))
            return $"'{StoreUrl.Redact(name.TrimEnd('/'))}' is the URL of a store, and no name in this one. A store is given as -Store.";
        var slash = name.LastIndexOf('/');
        var wanted = slash < 0 ? "" : name[..slash];
        var hint = $"Open the store with its namespaces and their levels, as in -Namespace @{{ {Quote(wanted)} = 2 }}, or with -Preset Borg2";
        if (Layout.Namespaces.Count == 0)
            return $"'{name}' lies in no known namespace: the store is empty, so its layout cannot be recognised. {hint}.";
        var problem = slash < 0 ? $"'{name}' has no namespace before it, as '{Example(name)}' has" : $"There is no namespace '{wanted}' in this store";
        var known = string.Join(", ", Layout.Namespaces.Select(ns => Quote(ns.Name)));
        return _layoutIsGiven ? $"{problem}. The store's namespaces are {known}." : $"{problem}; those that hold something are {known}. {hint}.";
    }

    private string Example(string key) => $"{Layout.Namespaces[0].Name}/{key}";

    private static string Quote(string ns) => ns.Length == 0 ? "''" : ns;

    private StoreException NotFound(string name, bool deleted = false)
        => new(StoreError.ObjectNotFound,
            $"There is no {(deleted ? "soft-deleted " : "")}item '{name}'{(IsNamespace(name) ? $": {DescribeNamespace(name)}" : "")}.", name);

    private static StoreException AlreadyExists(string name, string doing)
        => new(StoreError.ObjectAlreadyExists, $"Could not {doing} '{name}': there is an item of that name already, and it was not to be replaced.", name);

    private static string NestToRead(string name, int level, bool deleted)
    {
        var nested = Nesting.Nest(name, level, deleted);
        ItemName.CheckReadable(nested, name);
        return nested;
    }

    // What is written is listed by its own name. One with a slash in its key would not be, where directories nest the keys.
    private static string NestToWrite(NamespaceLayout ns, string name, int level, bool deleted = false)
    {
        if (!Nesting.Fits(name, level))
            throw new StoreException(StoreError.InvalidName,
                $"'{name}' cannot be nested {level} levels deep: its key needs at least {2 * level} characters.", name);
        var nested = Nesting.Nest(name, level);
        // The name of what is soft-deleted is one that it can be restored to.
        ItemName.CheckWritable(nested, name);
        var start = ns.Name.Length == 0 ? 0 : ns.Name.Length + 1;
        if (Nesting.Unnest(nested[start..]).Key != name[start..])
            throw new StoreException(StoreError.InvalidName,
                $"'{name}' is no valid name: its key '{name[start..]}' has a '/', and would be taken for another one in a directory that nests it. Use another character, or open the store with '{name[..name.LastIndexOf('/')]}' as a namespace of its own.", name);
        return deleted ? nested + Suffixes.Deleted : nested;
    }

    // Where an item lies among the levels of its namespace, or null.
    private async ValueTask<(ItemInfo Info, string Nested, int Level)?> LocateAsync(
        NamespaceLayout ns, string name, bool deleted, CancellationToken cancellationToken)
    {
        foreach (var level in ns.Levels)
        {
            var nested = NestToRead(name, level, deleted);
            if (await _backend.FindAsync(nested, cancellationToken).ConfigureAwait(false) is { IsDirectory: false } info)
                return (info, nested, level);
            // The deeper levels of a short key are the same place.
            if (!Nesting.Fits(name, level)) break;
        }
        return null;
    }

    // The nested name of an item. With one level nothing has to be asked: it lies there or nowhere.
    private async ValueTask<string?> ResolveAsync(NamespaceLayout ns, string name, bool deleted, CancellationToken cancellationToken)
        => ns.Levels.Count == 1
            ? NestToRead(name, ns.WriteLevel, deleted)
            : (await LocateAsync(ns, name, deleted, cancellationToken).ConfigureAwait(false))?.Nested;

    /// <summary>Makes a store in an empty place and opens it.</summary>
    /// <param name="options">Where, and with which namespaces.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
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
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static Task<Store> OpenAsync(StoreOptions options, CancellationToken cancellationToken = default)
        => OpenAsync(StoreChain.Create(options), options, cancellationToken);

    /// <summary>Opens a store on a backend of the caller's own, which the store then owns.</summary>
    /// <param name="backend">A backend that is not open yet.</param>
    /// <param name="options">The layout, and what else is not the backend's.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
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
    /// <param name="cancellationToken">A token to cancel the operation; items removed by then stay removed.</param>
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
        using var operation = _gate.Enter(cancellationToken);
        return await BorgRepository.FindAsync(_backend, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns what may well be an ordinary file in a place that was taken for a store, and why; <see langword="null"/> if there is nothing
    /// like that, or if somebody gave the layout.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal async ValueTask<(string Path, string Reason)?> FindDoubtAsync(CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        return _layoutIsGiven ? null : await MisplacedContent.FindDoubtAsync(_backend, Layout, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns when all that was stored before the call is as safe from a power cut as the storage can make it.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await _backend.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the store: waits for the operations in flight, flushes, and gives its resources back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!await _gate.CloseAsync().ConfigureAwait(false)) return;
        IsClosed = true;
        await _backend.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Makes the directory of a namespace, which otherwise comes with its first item.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask MakeNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await _backend.MakeDirectoryAsync(DemandNamespace(ns).Name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes the directory of a namespace without items. Empty nesting directories in it have to be removed first.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask RemoveNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        if (!await _backend.RemoveDirectoryAsync(DemandNamespace(ns).Name, cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.ObjectNotFound, $"There is no namespace '{ns}'.", ns);
    }

    private NamespaceLayout DemandNamespace(string ns)
        => Layout.FindNamespace(ns)
            ?? throw new StoreException(StoreError.LayoutUnknown, DescribeMissingNamespace(ns.TrimEnd('/') + "/"), ns);

    private readonly ConcurrentDictionary<string, bool> _checkedNamespaces = new(StringComparer.Ordinal);
    private volatile bool _layoutIsOutdated;

    // What was recognised before is checked as what was given: it may have changed since.
    private bool LevelsMayBeWrong => _layoutIsGiven || _layoutIsRecalled;

    // Once for each namespace, before its first new item: with a wrong level that would lie beside its namesake, and both be listed.
    // It looks along the way of the new key, and then down to some item, so that it costs a few calls and never the listing of a
    // large flat directory.
    private async ValueTask CheckGivenLevelsAsync(NamespaceLayout ns, string name, CancellationToken cancellationToken)
    {
        if (!LevelsMayBeWrong || _checkedNamespaces.ContainsKey(ns.Name)) return;
        try
        {
            if (await FindOtherLevelAsync(ns, name, cancellationToken).ConfigureAwait(false) is { } other)
                throw new StoreException(StoreError.LayoutUnknown, $"'{name}' was not stored: {DescribeOtherLevel(ns, other)}", name);
        }
        catch (StoreException e) when (e.Error is StoreError.PermissionDenied)
        {
            // Who may only write cannot look.
        }
        _checkedNamespaces[ns.Name] = true;
    }

    // An item that is not where it was looked for may lie at another level than was given.
    private async ValueTask<StoreException> NotFoundAsync(string name, bool deleted, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        // A flat namespace is not checked well, for it may be large.
        var isChecked = _checkedNamespaces.ContainsKey(ns.Name) && !ns.Levels.Contains(0);
        if (!LevelsMayBeWrong || isChecked) return NotFound(name, deleted);
        try
        {
            for (var level = 0; level <= NamespaceLayout.MostSearchedLevels; level++)
            {
                if (ns.Levels.Contains(level) || !Nesting.Fits(name, level)) continue;
                if (await _backend.FindAsync(NestToRead(name, level, deleted), cancellationToken).ConfigureAwait(false) is { IsDirectory: false })
                    return new(StoreError.LayoutUnknown, $"'{name}' cannot be used: {DescribeOtherLevel(ns, $"{level}")}", name);
            }
            if (await FindOtherLevelAsync(ns, name, cancellationToken).ConfigureAwait(false) is null) _checkedNamespaces[ns.Name] = true;
        }
        catch (StoreException e) when (e.Error is StoreError.PermissionDenied or StoreError.InvalidName)
        {
            // Who may not look does not learn more, and there is nothing at a level that would make the name too long.
        }
        return NotFound(name, deleted);
    }

    private string DescribeOtherLevel(NamespaceLayout ns, string level)
    {
        if (_layoutIsRecalled)
        {
            _layoutIsOutdated = true;
            return $"namespace '{ns.Name}' had level {string.Join(", ", ns.Levels)} when the store was first used in this session, but holds items at level {level} now. Try again: the levels are recognised anew.";
        }
        return $"namespace '{ns.Name}' was given level {string.Join(", ", ns.Levels)}, but holds items at level {level}. Open the store without -Namespace to have the levels recognised; to change them give the old and the new one, as in -Namespace @{{ {Quote(ns.Name)} = 1, 2 }}.";
    }

    private async ValueTask<string?> FindOtherLevelAsync(NamespaceLayout ns, string name, CancellationToken cancellationToken)
    {
        for (var level = 0; level < ns.WriteLevel; level++)
        {
            if (!ns.Levels.Contains(level)
                && await HoldsItemsAsync(ns, DirectoryAt(name, level), level, cancellationToken).ConfigureAwait(false)) return $"{level}";
        }
        var deeper = ns.Levels.Max() + 1;
        if (Nesting.Fits(name, deeper)
            && await _backend.FindAsync(DirectoryAt(name, deeper), cancellationToken).ConfigureAwait(false) is { IsDirectory: true })
            return $"{deeper} or deeper";
        if (ns.Levels.Contains(0)) return null;
        return await FindSomeLevelAsync(ns, cancellationToken).ConfigureAwait(false) is { } found && !ns.Levels.Contains(found) ? $"{found}" : null;
    }

    // The level of the item that is the first in the first directory of each depth; null where that is not clear.
    private async ValueTask<int?> FindSomeLevelAsync(NamespaceLayout ns, CancellationToken cancellationToken)
    {
        var path = "";
        for (var depth = 0; depth <= NamespaceLayout.DeepestLevel; depth++)
        {
            var directory = $"{ns.Name}/{path}".Trim('/');
            if (await FindFirstAsync(directory, cancellationToken).ConfigureAwait(false) is not { } first) return null;
            path = path.Length == 0 ? first.Name : $"{path}/{first.Name}";
            if (first.IsDirectory) continue;
            return Layout.Find($"{ns.Name}/{path}".Trim('/')) == ns && Nesting.Unnest(path).Levels == depth ? depth : null;
        }
        return null;
    }

    private async ValueTask<ItemInfo?> FindFirstAsync(string directory, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _backend.ListAsync(directory, ListScope.OneLevel, cancellationToken).ConfigureAwait(false)) return item;
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing lies there yet.
        }
        return null;
    }

    private async ValueTask<bool> HoldsItemsAsync(NamespaceLayout ns, string directory, int level, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _backend.ListAsync(directory, ListScope.OneLevel, cancellationToken).ConfigureAwait(false))
            {
                if (item.IsDirectory) continue;
                var path = directory.Length == 0 ? item.Name : $"{directory}/{item.Name}";
                if (Layout.Find(path) == ns && Nesting.Unnest(ns.Name.Length == 0 ? path : path[(ns.Name.Length + 1)..]).Levels == level) return true;
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing lies there yet.
        }
        return false;
    }

    private static string DirectoryAt(string name, int level)
    {
        var nested = Nesting.Nest(name, level);
        var slash = nested.LastIndexOf('/');
        return slash < 0 ? "" : nested[..slash];
    }

    /// <summary>Whether the store was opened with a cache.</summary>
    public bool HasCache => _caching is not null;

    /// <summary>Removes an item from the cache, so that it is loaded anew when it is next asked for. The item itself stays.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it was in the cache.</returns>
    public async ValueTask<bool> ClearCachedItemAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var caching = DemandCache();
        var wasCached = false;
        foreach (var level in FindNamespace(name).Levels)
            wasCached |= await caching.ClearAsync(NestToRead(name, level, deleted), cancellationToken).ConfigureAwait(false);
        return wasCached;
    }

    /// <summary>Removes all items of a namespace from the cache. The items themselves stay.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">A token to cancel the operation; items removed by then stay removed.</param>
    public async Task ClearCachedNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await DemandCache().ClearNamespaceAsync(DemandNamespace(ns), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes everything from the cache. The store itself stays as it is.</summary>
    /// <param name="cancellationToken">A token to cancel the operation; items removed by then stay removed.</param>
    public async Task ClearCacheAsync(CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await DemandCache().ClearAllAsync(cancellationToken).ConfigureAwait(false);
    }

    private CachingBackend DemandCache()
        => _caching ?? throw new StoreException(StoreError.InvalidArgument,
            $"The store '{Url}' has no cache to clear. Open it with one, by -CacheUri and the Cache of a namespace.", Url);
}
