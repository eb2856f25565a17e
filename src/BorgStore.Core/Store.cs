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
    private readonly OperationGate _gate = new();
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
}
