using System.Buffers;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Verification;

/// <summary>Checks whether files and directories are where the layout of a store has them.</summary>
/// <param name="layout">The layout.</param>
/// <param name="borg">The Borg 2 repository in the store, if it is one.</param>
internal sealed class PlaceCheck(StoreLayout layout, BorgRepository? borg)
{
    private const int BorgKeyLength = 64;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    // Keys in other namespaces of Borg may be any word. The first betas have a key named "repokey".
    private static readonly string[] NamedByHex = ["packs", "index", "locks", "archives", "data"];

    /// <summary>Checks a file in a namespace.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="path">The path of the file below the namespace.</param>
    /// <param name="size">Its size [bytes].</param>
    /// <returns>The item, if the file is one, and what is wrong with its place.</returns>
    public (ListedItem? Item, VerificationFinding? Finding) CheckFile(NamespaceLayout ns, string path, long size)
    {
        var full = Join(ns.Name, path);
        var (key, level, isDeleted) = Nesting.Unnest(path);
        var hasName = key.Length > 0 && key[^1] != '/' && !key.EndsWith(Suffixes.Deleted, StringComparison.Ordinal);
        if (!hasName || !ItemName.IsReadable(full)) return (null, Foreign(full, size, "No item can have this name, so that no command reaches it"));

        var leaf = key[(key.LastIndexOf('/') + 1)..];
        if (borg is not null && !IsKeyOfBorg(ns.Name, leaf)) return (null, Foreign(full, size, $"Borg puts nothing of this name into '{ns.Name}'"));

        var isPlain = !key.Contains('/');
        if (!isPlain && (borg is not null || !ns.Levels.Contains(0)))
        {
            var right = Join(ns.Name, Nesting.Nest(leaf, ns.WriteLevel, isDeleted));
            return (new(full, full, ns.Name, leaf, size, isDeleted), new(full, VerificationProblem.Misplaced,
                $"Nobody finds it in this directory, because its key belongs to '{right}'. Move the file there, unless there is one already.", right, full, size, isDeleted));
        }
        var item = new ListedItem(full, Join(ns.Name, key), ns.Name, key, size, isDeleted);
        if (!ns.IsKnown || !isPlain || ns.Levels.Any(known => Nesting.Nest(key, known, isDeleted) == path)) return (item, null);
        return (item, new(item.Name, VerificationProblem.WrongLevel,
            $"It is at level {level}, where it is not looked for: the namespace has level {string.Join(", ", ns.Levels)}. Open the store with both levels, "
            + $"as in -Namespace @{{ {(ns.Name.Length == 0 ? "''" : ns.Name)} = {level}, {ns.WriteLevel} }}, and use Move-BorgStoreItem -ChangeLevel.",
            Join(ns.Name, Nesting.Nest(key, ns.WriteLevel, isDeleted)), full, size, isDeleted));
    }

    /// <summary>Returns what is wrong with a directory in a namespace whose name is that of an item.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="path">The path of the directory below the namespace.</param>
    public VerificationFinding? CheckDirectory(NamespaceLayout ns, string path)
    {
        if (!ns.IsKnown) return null;
        var (key, level, isDeleted) = Nesting.Unnest(path);
        var isItem = level > 0 ? level == ns.WriteLevel && key.Length > 2 * level
            : borg is not null && ns.Levels.Contains(0) && NamedByHex.Contains(ns.Name) && IsHex(key);
        return isItem ? new(Join(ns.Name, key), VerificationProblem.Unreadable, "There is a directory in the place of this item's file. Remove it from the storage, and copy the item from a mirror.",
            Actual: Join(ns.Name, path), IsDeleted: isDeleted) : null;
    }

    /// <summary>Returns the finding of a file or directory in no namespace.</summary>
    /// <param name="path">Its path below the store.</param>
    /// <param name="size">The size of a file [bytes]; <see langword="null"/> for a directory.</param>
    public VerificationFinding CheckOutside(string path, long? size)
        => Foreign(path, size, $"{(size is null ? "This directory" : "This file")} is in none of the namespaces {string.Join(", ", layout.Namespaces.Select(ns => ns.Name))}");

    /// <summary>Returns the finding of a file or directory whose name no item has.</summary>
    /// <param name="path">Its path below the store.</param>
    /// <param name="size">The size of a file [bytes]; <see langword="null"/> for a directory.</param>
    public static VerificationFinding CreateForeign(string path, long? size)
        => Foreign(path, size, $"Nothing in a store has {(size is null ? "a directory" : "a file")} of this name");

    private static VerificationFinding Foreign(string path, long? size, string reason)
        => new(path, VerificationProblem.Foreign, $"{reason}. Remove it from the storage if you do not know it.", Size: size);

    private static bool IsKeyOfBorg(string ns, string key) => !NamedByHex.Contains(ns) || IsHex(key);

    private static bool IsHex(string key) => key.Length == BorgKeyLength && key.AsSpan().IndexOfAnyExcept(HexDigits) < 0;

    private static string Join(string ns, string path) => ns.Length == 0 ? path : $"{ns}/{path}";
}
