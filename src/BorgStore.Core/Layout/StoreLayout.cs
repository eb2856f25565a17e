namespace BorgStore.Layout;

/// <summary>The namespaces of a store and their levels. It is nowhere written down in a store: users say it, or it is recognised.</summary>
public sealed class StoreLayout
{
    private readonly NamespaceLayout[] _longestFirst;

    /// <summary>Makes a layout.</summary>
    /// <param name="namespaces">The namespaces.</param>
    public StoreLayout(IEnumerable<NamespaceLayout> namespaces)
    {
        Namespaces = [.. namespaces.OrderBy(ns => ns.Name, StringComparer.Ordinal)];
        _longestFirst = [.. Namespaces.OrderByDescending(ns => ns.Name.Length)];
        if (Namespaces.GroupBy(ns => ns.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new StoreException(StoreError.InvalidArgument, $"Namespace '{twice.Key}' is given twice.", twice.Key);
    }

    /// <summary>Makes a layout of namespaces with one level each.</summary>
    /// <param name="namespaces">Names and levels.</param>
    public StoreLayout(params (string Name, int Level)[] namespaces)
        : this(namespaces.Select(ns => new NamespaceLayout(ns.Name, ns.Level)))
    {
    }

    /// <summary>The namespaces of a Borg 2 repository, today's and those of the betas.</summary>
    public static StoreLayout Borg2 { get; } = new(
        ("archives", 0), ("cache", 0), ("config", 0), ("index", 0), ("keys", 0), ("locks", 0), ("packs", 1), ("data", 2));

    /// <summary>The namespaces, sorted by name.</summary>
    public IReadOnlyList<NamespaceLayout> Namespaces { get; }

    /// <summary>The namespace that a name lies in: the one that matches the most whole elements before the key.</summary>
    /// <param name="name">A full name.</param>
    /// <returns>The namespace, or <see langword="null"/> where none is known.</returns>
    public NamespaceLayout? Find(ReadOnlySpan<char> name)
    {
        foreach (var ns in _longestFirst)
        {
            if (ns.Name.Length == 0) return ns;
            if (name.Length > ns.Name.Length && name[ns.Name.Length] == '/' && name.StartsWith(ns.Name)) return ns;
        }
        return null;
    }

    /// <summary>The namespace of exactly this name.</summary>
    /// <param name="ns">The name, with or without a slash at the end.</param>
    public NamespaceLayout? FindNamespace(string ns)
    {
        var name = ns.TrimEnd('/');
        return Array.Find(_longestFirst, candidate => candidate.Name == name);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Namespaces);
}
