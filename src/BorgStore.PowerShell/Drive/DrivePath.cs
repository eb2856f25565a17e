using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.PowerShell.Drive;

/// <summary>A place on a drive: a container, which is known from the layout of the store, or an item, which may not exist.</summary>
/// <param name="Drive">The drive.</param>
/// <param name="Path">The path below the root, with '/' between its elements; <c>""</c> is the root. It is the full name of an item, and that of a
/// soft-deleted one with '.del' at its end, as it is stored.</param>
internal readonly record struct DrivePath(BorgStoreDriveInfo Drive, string Path)
{
    /// <summary>The last element.</summary>
    public string Leaf => Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>Whether the item is soft-deleted.</summary>
    public bool IsDeleted => Path.EndsWith(Suffixes.Deleted, StringComparison.Ordinal);

    /// <summary>The full name of the item.</summary>
    public string Name => IsDeleted ? Path[..^Suffixes.Deleted.Length] : Path;

    /// <summary>The namespace of exactly this path, or null.</summary>
    public NamespaceLayout? Namespace => Layout.FindNamespace(Path);

    /// <summary>Whether this is the root, a namespace, or the beginning of one.</summary>
    public bool IsContainer => Path.Length == 0 || Namespaces.Any();

    /// <summary>The namespaces at this place and below it.</summary>
    public IEnumerable<NamespaceLayout> Namespaces
    {
        get
        {
            var (path, prefix) = (Path, Prefix);
            return Layout.Namespaces.Where(ns => ns.Name == path || ns.Name.StartsWith(prefix, StringComparison.Ordinal));
        }
    }

    /// <summary>The containers directly in this one.</summary>
    public IEnumerable<DrivePath> Containers
    {
        get
        {
            var (here, prefix) = (this, Prefix);
            return Layout.Namespaces.Where(ns => ns.Name.Length > prefix.Length && ns.Name.StartsWith(prefix, StringComparison.Ordinal))
                .Select(ns => prefix + ns.Name[prefix.Length..].Split('/')[0]).Distinct().Select(path => here with { Path = path });
        }
    }

    private StoreLayout Layout => Drive.Open().Layout;

    private string Prefix => Path.Length == 0 ? "" : Path + "/";

    /// <summary>Returns the place of something in this container.</summary>
    public DrivePath Child(string name) => this with { Path = Prefix + name };

    /// <summary>Returns the place of an item on the same drive.</summary>
    public DrivePath Of(StoreItem item) => this with { Path = item.IsDeleted ? item.Name + Suffixes.Deleted : item.Name };

    /// <summary>Returns the place of an item that is copied or moved here: a container takes it under its own key.</summary>
    public DrivePath Take(DrivePath item) => IsContainer ? Child(item.Path[(item.Layout.Find(item.Name) is { Name.Length: > 0 } ns ? ns.Name.Length + 1 : 0)..]) : this;

    /// <summary>Returns the name of an item as its container shows it.</summary>
    public static string NameIn(StoreItem item) => item.IsDeleted ? item.Key + Suffixes.Deleted : item.Key;

    /// <summary>Returns a path of the provider with one '/' between its elements and none at the end. Names have no backslashes, and PowerShell loses
    /// some of the slashes of a URL.</summary>
    public static string Normalize(string path)
    {
        var normal = path.Replace('\\', '/').TrimEnd('/');
        while (normal.Contains("//", StringComparison.Ordinal)) normal = normal.Replace("//", "/");
        return normal;
    }
}
