using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Shared;
using BorgStore.Borg;
using BorgStore.Caching;
using BorgStore.Diagnostics;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <summary>A key/value store: byte values under keys in namespaces, such as <c>config/main</c>.</summary>
/// <remarks>
/// <para>All methods may be called from many threads at once; a store has no lock of its own.</para>
/// <para>Failures throw <see cref="StoreException"/>. A reader sees a value
/// completely or not at all, and a refused operation leaves nothing behind.</para>
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
    private BorgLocks? _borgLocks;
    private long _foreignNames;

    private Store(StoreChain chain, StoreLayout layout, bool layoutIsGiven, bool layoutIsRecalled, string displayUrl)
    {
        (_backend, _backendMeter, _caching, _cacheMeter) = (chain.Head, chain.Meter, chain.Caching, chain.CacheMeter);
        (Layout, _layoutIsGiven, _layoutIsRecalled, Url) = (layout, layoutIsGiven, layoutIsRecalled, displayUrl);
        _backend.Layout = layout;
        _gate = new(displayUrl);
        _gate.Open();
    }

    /// <summary>The URL, without its password.</summary>
    public string Url { get; }

    /// <summary>The namespaces and their levels.</summary>
    public StoreLayout Layout { get; }

    /// <summary>The layout if it was recognised and may be reused when the store is opened again;
    /// <see langword="null"/> if it was given, has unknown levels, or turned out to be wrong.</summary>
    internal StoreLayout? RecallableLayout
        => !_layoutIsGiven && !_layoutIsOutdated && Layout != StoreLayout.Borg2 && Layout.Namespaces.Count > 0 && Layout.Namespaces.All(ns => ns.IsKnown) ? Layout : null;

    /// <summary>Describes the layout, and how it is known.</summary>
    internal string DescribeLayout()
    {
        if (Layout.Namespaces.Count == 0) return $"'{Url}' is empty, so that its namespaces are not known.";
        var namespaces = string.Join(", ", Layout.Namespaces.Select(ns => $"{Quote(ns.Name)} ({(ns.IsKnown ? $"level {string.Join(", ", ns.Levels)}" : "level unknown")})"));
        var origin = _layoutIsGiven ? "as given" : _layoutIsRecalled ? "as recognised before in this session"
            : Layout == StoreLayout.Borg2 ? "recognised by the configuration of a Borg 2 repository" : "recognised from a sample of the items";
        return $"The namespaces of '{Url}' are {namespaces}, {origin}.";
    }

    /// <summary>The storage, under nested names and with messages in terms of the store.</summary>
    internal IBackend Storage => _backend;

    /// <inheritdoc/>
    public override string ToString() => Url;

    // Finds the namespace of a name for reading.
    private NamespaceLayout FindNamespace(string name)
    {
        if (name.EndsWith(Suffixes.Deleted, StringComparison.Ordinal))
            throw new StoreException(StoreError.InvalidName,
                $"'{name}' is not a valid name: '{Suffixes.Deleted}' at its end marks a soft-deleted item. Use the name '{name[..^Suffixes.Deleted.Length]}', with -Deleted.", name);
        return Layout.Find(name) is { } ns && !name.EndsWith('/') ? ns : throw Misplaced(name);
    }

    // Requires that the namespace's level is known, as storing a new item needs it.
    private static NamespaceLayout EnsureWritable(NamespaceLayout ns, string name)
        => ns.IsKnown ? ns : throw new StoreException(StoreError.LayoutUnknown,
            $"'{name}' was not stored: the levels of namespace '{ns.Name}' cannot be recognised from the contents of the store. Specify them when you open the store, as in -Namespace @{{ {Quote(ns.Name)} = 2 }}.",
            name);

    // Explains a name outside all namespaces, by what the caller probably meant.
    private StoreException Misplaced(string name)
    {
        var likely = name.Replace('\\', '/').Trim('/').ToLowerInvariant();
        if (IsNamespace(likely))
            return new(name == likely ? StoreError.LayoutUnknown : StoreError.InvalidName, $"'{name}' is not an item: {DescribeNamespace(likely)}.", name);
        if (name != likely && Layout.Find(likely) is not null)
            return new(StoreError.InvalidName,
                $"'{name}' is not a valid name. Names are lower case, with '/' between namespace and key but not at either end: write '{likely}'.", name);
        return new(StoreError.LayoutUnknown, DescribeMissingNamespace(name), name);
    }

    private bool IsNamespace(string name) => name.Length > 0 && Layout.FindNamespace(name) is not null;

    private static string DescribeNamespace(string ns) => $"'{ns}' is a namespace, and its items are named {ns}/*";

    private string DescribeMissingNamespace(string name)
    {
        if (name.Contains("://", StringComparison.Ordinal))
            return $"'{StoreUrl.Redact(name.TrimEnd('/'))}' is the URL of a store, not the name of an item. Specify a store with -Store.";
        var slash = name.LastIndexOf('/');
        var wanted = slash < 0 ? "" : name[..slash];
        var hint = $"Open the store with its namespaces and their levels, as in -Namespace @{{ {Quote(wanted)} = 2 }}, or with -Preset Borg2";
        if (Layout.Namespaces.Count == 0)
            return $"'{name}' is not in a known namespace: the store is empty, so its layout cannot be recognised. {hint}.";
        var problem = slash < 0 ? $"'{name}' has no namespace before it, unlike '{Example(name)}'" : $"There is no namespace '{wanted}' in this store";
        var known = string.Join(", ", Layout.Namespaces.Select(ns => Quote(ns.Name)));
        return _layoutIsGiven ? $"{problem}. The store's namespaces are {known}." : $"{problem}; the namespaces with items are {known}. {hint}.";
    }

    private string Example(string key) => $"{Layout.Namespaces[0].Name}/{key}";

    private static string Quote(string ns) => ns.Length == 0 ? "''" : ns;

    private StoreException NotFound(string name, bool deleted = false)
        => new(StoreError.ObjectNotFound,
            $"There is no {(deleted ? "soft-deleted " : "")}item '{name}'{(IsNamespace(name) ? $": {DescribeNamespace(name)}" : "")}.", name);

    private static StoreException AlreadyExists(string name, string doing)
        => new(StoreError.ObjectAlreadyExists, $"Could not {doing} '{name}': an item with that name already exists and was not replaced.", name);

    private static string NestToRead(string name, int level, bool deleted)
    {
        var nested = Nesting.Nest(name, level, deleted);
        ItemName.CheckReadable(nested, name);
        return nested;
    }

    // Listings must return an item by the name it was written under. With nesting directories, a key with a slash would be listed as another one.
    private static string NestToWrite(NamespaceLayout ns, string name, int level, bool deleted = false)
    {
        if (!Nesting.Fits(name, level))
            throw new StoreException(StoreError.InvalidName,
                $"'{name}' cannot be nested {level} levels deep: its key needs at least {2 * level} characters.", name);
        var nested = Nesting.Nest(name, level);
        // A soft-deleted item must have a name that it can be restored to.
        ItemName.CheckWritable(nested, name);
        var start = ns.Name.Length == 0 ? 0 : ns.Name.Length + 1;
        if (Nesting.Unnest(nested[start..]).Key != name[start..])
            throw new StoreException(StoreError.InvalidName,
                $"'{name}' is not a valid name: its key '{name[start..]}' contains a '/', so it could be mistaken for an item in a nesting directory. Use another character, or open the store with '{name[..name.LastIndexOf('/')]}' as a namespace of its own.", name);
        return deleted ? nested + Suffixes.Deleted : nested;
    }

    // Finds an item among the levels of its namespace; null if there is none.
    private async ValueTask<(ItemInfo Info, string Nested, int Level)?> LocateAsync(
        NamespaceLayout ns, string name, bool deleted, CancellationToken cancellationToken)
    {
        foreach (var level in ns.Levels)
        {
            var nested = NestToRead(name, level, deleted);
            if (await _backend.FindAsync(nested, cancellationToken).ConfigureAwait(false) is { IsDirectory: false } info)
                return (info, nested, level);
            // A key too short for this level has the same path at all deeper ones.
            if (!Nesting.Fits(name, level)) break;
        }
        return null;
    }

    // Returns the nested name of an item. With a single level there is only one possible place, so no lookup is needed.
    private async ValueTask<string?> ResolveAsync(NamespaceLayout ns, string name, bool deleted, CancellationToken cancellationToken)
        => ns.Levels.Count == 1
            ? NestToRead(name, ns.WriteLevel, deleted)
            : (await LocateAsync(ns, name, deleted, cancellationToken).ConfigureAwait(false))?.Nested;

    /// <summary>Creates a store in an empty place and opens it.</summary>
    /// <param name="options">The URL, layout and other options.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<Store> CreateAsync(StoreOptions options, CancellationToken cancellationToken = default)
    {
        // The scheme is checked first, so that a path given in place of a URL is reported before anything else that may be missing.
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
            // The directories mark the place as a store if someone later tries to create one here
            // with other namespaces or levels. Borg requires an empty place for a new repository.
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
    /// <param name="options">The URL and other options; without a layout it is recognised from the store's content.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static Task<Store> OpenAsync(StoreOptions options, CancellationToken cancellationToken = default)
        => OpenAsync(StoreChain.Create(options), options, cancellationToken);

    /// <summary>Opens a store on the caller's own backend, which the store then owns.</summary>
    /// <param name="backend">A backend that is not open yet.</param>
    /// <param name="options">The layout and other options that do not concern the backend.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static Task<Store> OpenAsync(IBackend backend, StoreOptions options, CancellationToken cancellationToken = default)
        => OpenAsync(StoreChain.Create(backend, options), options, cancellationToken);

    private static async Task<Store> OpenAsync(StoreChain chain, StoreOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await chain.Head.OpenAsync(cancellationToken).ConfigureAwait(false);
            var layout = options.Layout ?? await LayoutDetector.DetectAsync(chain.Head, options.RecalledLayout, cancellationToken).ConfigureAwait(false);
            // Don't count the calls made to detect the layout.
            chain.Meter.Reset();
            return new(chain, layout, options.Layout is not null, layout == options.RecalledLayout, StoreUrl.Redact(options.Url));
        }
        catch
        {
            await chain.Head.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Deletes a store with everything in it, permanently, and its cache if the
    /// options name one. Deletes nothing if there is other content at the place.</summary>
    /// <param name="options">The URL and other options.</param>
    /// <param name="cancellationToken">A token to cancel the operation; items removed by then stay removed.</param>
    public static async Task DestroyAsync(StoreOptions options, CancellationToken cancellationToken = default)
    {
        var displayUrl = StoreUrl.Redact(options.Url);
        var looking = new ExplainingBackend(BackendFactory.Create(options.Url, options.ToBackendOptions()), displayUrl);
        await using (looking.ConfigureAwait(false))
        {
            await looking.OpenAsync(cancellationToken).ConfigureAwait(false);
            if (await MisplacedContent.FindAsync(looking, options.Layout, cancellationToken).ConfigureAwait(false) is var (path, reason))
                throw ForeignContent.CreateException(displayUrl, path, reason);
        }
        var backend = new ExplainingBackend(BackendFactory.Create(options.Url, options.ToBackendOptions()), displayUrl);
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

    /// <summary>Returns the Borg 2 repository in this store, or <see langword="null"/> if it is not one.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal async ValueTask<BorgRepository?> FindBorgRepositoryAsync(CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        return await BorgRepository.FindAsync(_backend, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether the layout is that of a Borg 2 repository, so that it is worth looking for one.</summary>
    internal bool MayBeBorgRepository => Layout.FindNamespace("config") is not null && Layout.FindNamespace(BorgLocks.Namespace) is not null;

    /// <summary>Returns the locks of the Borg 2 repository in this store, or <see langword="null"/> if it is not one.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<BorgLocks?> FindBorgLocksAsync(CancellationToken cancellationToken = default)
    {
        if (_borgLocks is null && await FindBorgRepositoryAsync(cancellationToken).ConfigureAwait(false) is { } repository)
            Interlocked.CompareExchange(ref _borgLocks, new(_backend, _gate, Url, repository.UsesBlake3), null);
        return _borgLocks;
    }

    /// <summary>Returns the path of what may be an ordinary file in a place that was taken for a store,
    /// and the reason; <see langword="null"/> if there is none or the layout was given.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal async ValueTask<(string Path, string Reason)?> FindSuspiciousContentAsync(CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        return _layoutIsGiven ? null : await MisplacedContent.FindSuspiciousContentAsync(_backend, Layout, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns when everything stored before the call is as safe from a power cut as the storage can make it.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await _backend.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the store: waits for the operations in flight, flushes, and releases its resources.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_borgLocks is { } locks) await locks.ReleaseAllAsync().ConfigureAwait(false);
        if (!await _gate.CloseAsync().ConfigureAwait(false)) return;
        IsClosed = true;
        await _backend.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Creates the directory of a namespace, which otherwise is created with its first item.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask MakeNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await _backend.MakeDirectoryAsync(GetRequiredNamespace(ns).Name, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes the directory of a namespace without items. Empty nesting directories in it must be removed first.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask RemoveNamespaceAsync(string ns, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        if (!await _backend.RemoveDirectoryAsync(GetRequiredNamespace(ns).Name, cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.ObjectNotFound, $"There is no namespace '{ns}'.", ns);
    }

    /// <summary>Returns the layout of a namespace.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.LayoutUnknown"/>: there is no such namespace.</exception>
    internal NamespaceLayout GetRequiredNamespace(string ns)
        => Layout.FindNamespace(ns)
            ?? throw new StoreException(StoreError.LayoutUnknown, DescribeMissingNamespace(ns.TrimEnd('/') + "/"), ns);

    private readonly ConcurrentDictionary<string, bool> _checkedNamespaces = new(StringComparer.Ordinal);
    private volatile bool _layoutIsOutdated;

    // A recalled layout is checked like a given one, because the store may have changed since.
    private bool LevelsMayBeWrong => _layoutIsGiven || _layoutIsRecalled;

    // Runs once per namespace, before its first new item: at a wrong level that item would be stored beside
    // an existing one of the same name, and both would be listed. The check follows the path of the new key
    // and then descends to one item, so it costs a few calls and never lists a large flat directory.
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
            // A caller with write permission only cannot look.
        }
        _checkedNamespaces[ns.Name] = true;
    }

    // An item that was not found may be at another level than the given ones.
    private async ValueTask<StoreException> NotFoundAsync(string name, bool deleted, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        // A flat namespace is never fully checked, because it may be large.
        var isChecked = _checkedNamespaces.ContainsKey(ns.Name) && !ns.Levels.Contains(0);
        if (!LevelsMayBeWrong || isChecked) return NotFound(name, deleted);
        try
        {
            for (var level = 0; level <= NamespaceLayout.MaxSearchedLevels; level++)
            {
                if (ns.Levels.Contains(level) || !Nesting.Fits(name, level)) continue;
                if (await _backend.FindAsync(NestToRead(name, level, deleted), cancellationToken).ConfigureAwait(false) is { IsDirectory: false })
                    return new(StoreError.LayoutUnknown, $"'{name}' cannot be used: {DescribeOtherLevel(ns, $"{level}")}", name);
            }
            if (await FindOtherLevelAsync(ns, name, cancellationToken).ConfigureAwait(false) is null) _checkedNamespaces[ns.Name] = true;
        }
        catch (StoreException e) when (e.Error is StoreError.PermissionDenied or StoreError.InvalidName)
        {
            // Without permission to list there is nothing more to find out, and no item exists at a level that makes the name too long.
        }
        return NotFound(name, deleted);
    }

    // Whether the items of a prefix, of which there are none at the given levels, may be at others.
    private async ValueTask<bool> MayBeAtOtherLevelAsync(NamespaceLayout ns, string prefix, CancellationToken cancellationToken)
    {
        var name = ns.Name.Length == 0 ? prefix : $"{ns.Name}/{prefix}";
        if (!LevelsMayBeWrong || _checkedNamespaces.ContainsKey(ns.Name) || prefix.Contains('/') || !ItemName.IsReadable(name)) return false;
        using var operation = _gate.Enter(cancellationToken);
        try
        {
            if (await FindOtherLevelAsync(ns, name, cancellationToken).ConfigureAwait(false) is not null) return true;
            _checkedNamespaces[ns.Name] = true;
        }
        catch (StoreException e) when (UnreadableDirectories.CanGoOnAfter(e))
        {
            // If it cannot be listed here, it cannot be listed as a whole either.
        }
        return false;
    }

    private string DescribeOtherLevel(NamespaceLayout ns, string level)
    {
        if (_layoutIsRecalled)
        {
            _layoutIsOutdated = true;
            return $"namespace '{ns.Name}' had level {string.Join(", ", ns.Levels)} when the store was first used in this session, but holds items at level {level} now. Try again; the levels will be recognised again.";
        }
        return $"namespace '{ns.Name}' was given level {string.Join(", ", ns.Levels)}, but holds items at level {level}. Open the store without -Namespace to have the levels recognised; to change them, specify the old and the new level, as in -Namespace @{{ {Quote(ns.Name)} = 1, 2 }}.";
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

    // Returns the level of the first item found by descending into the first directory each time; null if that is ambiguous.
    private async ValueTask<int?> FindSomeLevelAsync(NamespaceLayout ns, CancellationToken cancellationToken)
    {
        var path = "";
        for (var depth = 0; depth <= NamespaceLayout.MaxLevel; depth++)
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
            // Nothing is there yet.
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
            // Nothing is there yet.
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

    /// <summary>Removes an item from the cache, so that its next load reads from the storage. The item itself stays.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it was in the cache.</returns>
    public async ValueTask<bool> ClearCachedItemAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var caching = GetRequiredCache();
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
        await GetRequiredCache().ClearNamespaceAsync(GetRequiredNamespace(ns), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes everything from the cache. The store itself stays as it is.</summary>
    /// <param name="cancellationToken">A token to cancel the operation; items removed by then stay removed.</param>
    public async Task ClearCacheAsync(CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        await GetRequiredCache().ClearAllAsync(cancellationToken).ConfigureAwait(false);
    }

    private CachingBackend GetRequiredCache()
        => _caching ?? throw new StoreException(StoreError.InvalidArgument,
            $"The store '{Url}' has no cache to clear. To use one, open the store with -CacheUri and a namespace whose Cache is set.", Url);
}
