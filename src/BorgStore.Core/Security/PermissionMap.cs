using System.Collections.Frozen;
using System.Text.Json;

namespace BorgStore.Security;

/// <summary>What may be done under which names.</summary>
/// <remarks>The entry of the longest path that a name lies under decides alone; <c>""</c> is the path of everything.</remarks>
public sealed class PermissionMap
{
    private readonly FrozenDictionary<string, AccessRights> _entries;

    /// <summary>Makes a map.</summary>
    /// <param name="entries">Paths, and the rights below each as letters of <c>l r w W D</c>.</param>
    public PermissionMap(IEnumerable<KeyValuePair<string, string>> entries)
        => _entries = entries.ToFrozenDictionary(entry => entry.Key.TrimEnd('/'), entry => ParseRights(entry.Value));

    /// <summary>The paths and the rights below each.</summary>
    public IReadOnlyDictionary<string, AccessRights> Entries => _entries;

    /// <summary>Reads a map from the name of a preset or from JSON such as <c>{"": "lr", "locks": "lrwD"}</c>.</summary>
    /// <param name="text">The preset or the JSON.</param>
    public static PermissionMap Parse(string text)
    {
        if (!text.TrimStart().StartsWith('{')) return PermissionPresets.Get(text);
        try
        {
            return new(JsonSerializer.Deserialize<Dictionary<string, string>>(text) ?? []);
        }
        catch (JsonException e)
        {
            throw new StoreException(StoreError.InvalidArgument,
                $$"""The permissions are neither a preset ({{string.Join(", ", PermissionPresets.Names)}}) nor JSON such as {"": "lr", "locks": "lrwD"}: {{e.Message}}""",
                innerException: e);
        }
    }

    /// <summary>The rights that hold for a name.</summary>
    /// <param name="name">A nested name; <c>""</c> for the store itself.</param>
    public AccessRights GetRights(string name)
    {
        for (var path = name; ; path = path[..Math.Max(0, path.LastIndexOf('/'))])
        {
            if (_entries.TryGetValue(path, out var rights)) return rights;
            if (path.Length == 0) return AccessRights.None;
        }
    }

    /// <summary>Whether any of some rights holds for a name.</summary>
    /// <param name="name">A nested name; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough.</param>
    public bool Allows(string name, AccessRights anyOf) => (GetRights(name) & anyOf) != 0;

    /// <summary>Whether any of some rights holds for everything below a directory, whatever is there.</summary>
    /// <param name="directory">The nested name of the directory; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough, for each name below another one perhaps.</param>
    public bool AllowsBelow(string directory, AccessRights anyOf)
        => Allows(directory, anyOf) && _entries.All(entry => !IsBelow(entry.Key, directory) || (entry.Value & anyOf) != 0);

    /// <summary>Whether something below a directory has an entry of its own, so that the rights of the directory do not hold for all of it.</summary>
    /// <param name="directory">The nested name of the directory; <c>""</c> for the store itself.</param>
    internal bool DiffersBelow(string directory) => _entries.Keys.Any(path => IsBelow(path, directory));

    /// <summary>Writes rights as letters of <c>l r w W D</c>.</summary>
    /// <param name="rights">The rights.</param>
    public static string FormatRights(AccessRights rights)
        => string.Concat(Letters.Where(pair => rights.HasFlag(pair.Right)).Select(pair => pair.Letter));

    /// <summary>Reads rights from letters of <c>l r w W D</c>.</summary>
    /// <param name="letters">The letters, in any order.</param>
    public static AccessRights ParseRights(string letters)
    {
        var rights = AccessRights.None;
        foreach (var letter in letters)
        {
            var right = Letters.FirstOrDefault(pair => pair.Letter == letter).Right;
            if (right == AccessRights.None)
                throw new StoreException(StoreError.InvalidArgument,
                    $"'{letter}' in the permissions '{letters}' is none of l (list), r (read), w (write new), W (overwrite), D (delete).");
            rights |= right;
        }
        return rights;
    }

    private static bool IsBelow(string path, string directory)
        => directory.Length == 0
            ? path.Length > 0
            : path.Length > directory.Length && path[directory.Length] == '/' && path.StartsWith(directory, StringComparison.Ordinal);

    private static readonly (char Letter, AccessRights Right)[] Letters =
    [
        ('l', AccessRights.List), ('r', AccessRights.Read), ('w', AccessRights.Write),
        ('W', AccessRights.Overwrite), ('D', AccessRights.Delete),
    ];
}
