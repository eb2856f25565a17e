namespace BorgStore.Layout;

/// <summary>The namespaces of a store and their levels. A store does not contain its layout: users give it, or it is recognised.</summary>
public sealed class StoreLayout
{
    private readonly NamespaceLayout[] _longestFirst;

    /// <summary>Initializes a layout.</summary>
    /// <param name="namespaces">The namespaces.</param>
    public StoreLayout(IEnumerable<NamespaceLayout> namespaces)
    {
        Namespaces = [.. namespaces.OrderBy(ns => ns.Name, StringComparer.Ordinal)];
        _longestFirst = [.. Namespaces.OrderByDescending(ns => ns.Name.Length)];
        if (Namespaces.GroupBy(ns => ns.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new StoreException(StoreError.InvalidArgument, $"Namespace '{twice.Key}' is given twice.", twice.Key);
    }

    /// <summary>Initializes a layout of namespaces with one level each.</summary>
    /// <param name="namespaces">The names and levels.</param>
    public StoreLayout(params (string Name, int Level)[] namespaces)
        : this(namespaces.Select(ns => new NamespaceLayout(ns.Name, ns.Level)))
    {
    }

    /// <summary>The namespaces of a Borg 2 repository, including those of the betas.</summary>
    public static StoreLayout Borg2 { get; } = new(
        ("archives", 0), ("cache", 0), ("config", 0), ("index", 0), ("keys", 0), ("locks", 0), ("packs", 1), ("data", 2));

    /// <summary>The namespaces, sorted by name.</summary>
    public IReadOnlyList<NamespaceLayout> Namespaces { get; }

    /// <summary>Finds the namespace of a name: the longest one whose elements precede the key.</summary>
    /// <param name="name">A full name.</param>
    /// <returns>The namespace, or <see langword="null"/> if it is in no known one.</returns>
    public NamespaceLayout? Find(ReadOnlySpan<char> name)
    {
        foreach (var ns in _longestFirst)
        {
            if (ns.Name.Length == 0) return ns;
            if (name.Length > ns.Name.Length && name[ns.Name.Length] == '/' && name.StartsWith(ns.Name)) return ns;
        }
        return null;
    }

    /// <summary>Finds the namespace of exactly this name.</summary>
    /// <param name="ns">The name, with or without a trailing slash.</param>
    public NamespaceLayout? FindNamespace(string ns)
    {
        var name = ns.TrimEnd('/');
        return Array.Find(_longestFirst, candidate => candidate.Name == name);
    }

    /// <summary>Splits a full name into its namespace and key. A name in no known namespace ends with its key.</summary>
    /// <param name="name">The full name.</param>
    internal (string Namespace, string Key) Split(string name) => Find(name) switch
    {
        null => ("", name[(name.LastIndexOf('/') + 1)..]),
        { Name.Length: 0 } => ("", name),
        var ns => (ns.Name, name[(ns.Name.Length + 1)..]),
    };

    /// <summary>Returns a name without its namespace.</summary>
    /// <param name="name">The full name.</param>
    internal string KeyOf(string name) => Split(name).Key;

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Namespaces);
}
