using System.Collections.Frozen;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BorgStore.Naming;

namespace BorgStore.Security;

/// <summary>What may be done under which names.</summary>
/// <remarks>The entry of the longest path that a name lies under decides alone; <c>""</c> is the path of everything.</remarks>
public sealed class PermissionMap
{
    private readonly FrozenDictionary<string, AccessRights> _entries;

    /// <summary>Makes a map.</summary>
    /// <param name="entries">Paths, with or without a slash at the end, and the rights below each as letters of <c>l r w W D</c>.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> if an entry is given twice, has no rights, or has a path
    /// under which no name can lie: it would protect nothing.</exception>
    public PermissionMap(IEnumerable<KeyValuePair<string, string>> entries)
    {
        var rights = new Dictionary<string, AccessRights>();
        foreach (var (key, letters) in entries)
        {
            var path = key is [.., not '/', '/'] ? key[..^1] : key;
            CheckPath(path);
            if (letters is null) throw Wrong(path, "has no rights; an empty text stands for none");
            if (!rights.TryAdd(path, ParseRights(letters))) throw Wrong(path, "is given twice");
        }
        _entries = rights.ToFrozenDictionary();
    }

    /// <summary>The paths and the rights below each.</summary>
    public IReadOnlyDictionary<string, AccessRights> Entries => _entries;

    /// <summary>Reads a map from the name of a preset or from JSON such as <c>{"": "lr", "locks": "lrwD"}</c>.</summary>
    /// <param name="text">The preset or the JSON.</param>
    public static PermissionMap Parse(string text)
    {
        if (!text.TrimStart().StartsWith('{')) return PermissionPresets.Get(text);
        try
        {
            using var document = JsonDocument.Parse(text);
            return new(document.RootElement.EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, entry.Value.GetString()!)).ToList());
        }
        // A value that is no text, or half a surrogate in one.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new StoreException(StoreError.InvalidArgument,
                $$"""The permissions are neither a preset ({{string.Join(", ", PermissionPresets.ShortNames)}}) nor JSON such as {"": "lr", "locks": "lrwD"}: {{e.Message}}""",
                innerException: e);
        }
    }

    /// <summary>Returns the map as JSON, which <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (var (path, rights) in _entries.OrderBy(entry => entry.Key, StringComparer.Ordinal)) json.WriteString(path, FormatRights(rights));
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(text.ToArray());
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

    /// <summary>Fails with <see cref="StoreError.PermissionDenied"/> unless one of some rights holds for a name.</summary>
    /// <param name="name">A nested name; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough.</param>
    internal void Demand(string name, AccessRights anyOf)
    {
        if (!Allows(name, anyOf)) throw Denied(name, anyOf);
    }

    /// <summary>Fails with <see cref="StoreError.PermissionDenied"/> unless one of some rights holds for everything below a directory.</summary>
    /// <param name="directory">The nested name of the directory; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough.</param>
    internal void DemandBelow(string directory, AccessRights anyOf)
    {
        if (!AllowsBelow(directory, anyOf)) throw Denied(directory, anyOf);
    }

    /// <summary>Returns the exception for an access that the map refuses.</summary>
    internal static StoreException Denied(string name, AccessRights anyOf, Exception? cause = null)
        => StoreException.While(StoreError.PermissionDenied, name.Length == 0 ? "use the store" : $"use '{name}'", name,
            $"the store's permissions want one of '{FormatRights(anyOf)}' there", cause);

    // The rules for reading hold on every platform alike, so that a map means the same everywhere.
    private static void CheckPath(string path)
    {
        if (path is null) throw new StoreException(StoreError.InvalidArgument, "The permissions have an entry without a path.");
        if (path.Length == 0) return;
        if (ItemName.DescribeProblem(path, writing: false, windows: false) is { } problem) throw Wrong(path, $"matches no name: {problem}");
        if (path.Split('/').Any(element => element is "" or ".")) throw Wrong(path, "matches no name: it has an element that is empty or a dot");
    }

    private static StoreException Wrong(string path, string problem)
        => new(StoreError.InvalidArgument, $"The entry '{PrintableText.Escape(path)}' of the permissions {problem}.");

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
