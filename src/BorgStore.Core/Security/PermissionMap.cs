using System.Collections.Frozen;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BorgStore.Naming;

namespace BorgStore.Security;

/// <summary>The permitted operations by name.</summary>
/// <remarks>Only the entry with the longest path that contains a name applies; the path <c>""</c> contains everything.</remarks>
public sealed class PermissionMap
{
    /// <summary>The rights of which a client that stores an item needs one: which one, the storage decides.</summary>
    internal const AccessRights AnyWrite = AccessRights.Write | AccessRights.Overwrite;

    private readonly FrozenDictionary<string, AccessRights> _entries;

    /// <summary>Initializes a map.</summary>
    /// <param name="entries">Paths, with or without a trailing slash, and the rights below each as letters of <c>l r w W D</c>.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> if an entry is given twice,
    /// has no rights, or has a path that cannot contain any name, so that it would protect nothing.</exception>
    public PermissionMap(IEnumerable<KeyValuePair<string, string>> entries)
    {
        var rights = new Dictionary<string, AccessRights>();
        foreach (var (key, letters) in entries)
        {
            var path = key is [.., not '/', '/'] ? key[..^1] : key;
            CheckPath(path);
            if (letters is null) throw InvalidPath(path, "has no rights; write an empty string for none");
            if (!rights.TryAdd(path, ParseRights(letters))) throw InvalidPath(path, "is given twice");
        }
        _entries = rights.ToFrozenDictionary();
    }

    /// <summary>The paths and the rights below each.</summary>
    public IReadOnlyDictionary<string, AccessRights> Entries => _entries;

    /// <summary>Parses the name of a preset or JSON such as <c>{"": "lr", "locks": "lrwD"}</c>.</summary>
    /// <param name="text">The preset or the JSON.</param>
    public static PermissionMap Parse(string text)
    {
        if (!text.TrimStart().StartsWith('{')) return PermissionPresets.Get(text);
        try
        {
            using var document = JsonDocument.Parse(text);
            return new(document.RootElement.EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, entry.Value.GetString()!)).ToList());
        }
        // A value that is not a string, or contains a lone surrogate.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new StoreException(StoreError.InvalidArgument,
                $$"""The permissions are neither a preset ({{string.Join(", ", PermissionPresets.ShortNames)}}) nor JSON such as {"": "lr", "locks": "lrwD"}: {{e.Message}}""",
                innerException: e);
        }
    }

    /// <summary>Returns the map as JSON, which <see cref="Parse"/> accepts.</summary>
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

    /// <summary>Returns the rights for a name.</summary>
    /// <param name="name">A nested name; <c>""</c> for the store itself.</param>
    public AccessRights GetRights(string name)
    {
        for (var path = name; ; path = path[..Math.Max(0, path.LastIndexOf('/'))])
        {
            if (_entries.TryGetValue(path, out var rights)) return rights;
            if (path.Length == 0) return AccessRights.None;
        }
    }

    /// <summary>Returns whether any of some rights is granted for a name.</summary>
    /// <param name="name">A nested name; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough.</param>
    public bool Allows(string name, AccessRights anyOf) => (GetRights(name) & anyOf) != 0;

    /// <summary>Returns whether any of some rights is granted for everything below a directory, whatever exists there.</summary>
    /// <param name="directory">The nested name of the directory; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough, and may differ from name to name.</param>
    public bool AllowsBelow(string directory, AccessRights anyOf)
        => Allows(directory, anyOf) && _entries.All(entry => !IsBelow(entry.Key, directory) || (entry.Value & anyOf) != 0);

    /// <summary>Returns whether anything below a directory has its own entry, so that the directory's rights do not apply to all of it.</summary>
    /// <param name="directory">The nested name of the directory; <c>""</c> for the store itself.</param>
    internal bool DiffersBelow(string directory) => _entries.Keys.Any(path => IsBelow(path, directory));

    /// <summary>Formats rights as letters of <c>l r w W D</c>.</summary>
    /// <param name="rights">The rights.</param>
    public static string FormatRights(AccessRights rights)
        => string.Concat(Letters.Where(pair => rights.HasFlag(pair.Right)).Select(pair => pair.Letter));

    /// <summary>Parses rights from letters of <c>l r w W D</c>.</summary>
    /// <param name="letters">The letters, in any order.</param>
    public static AccessRights ParseRights(string letters)
    {
        var rights = AccessRights.None;
        foreach (var letter in letters)
        {
            var right = Letters.FirstOrDefault(pair => pair.Letter == letter).Right;
            if (right == AccessRights.None)
                throw new StoreException(StoreError.InvalidArgument,
                    $"'{letter}' in the permissions '{letters}' is not one of l (list), r (read), w (write new), W (overwrite), D (delete).");
            rights |= right;
        }
        return rights;
    }

    /// <summary>Throws <see cref="StoreError.PermissionDenied"/> unless one of some rights is granted for a name.</summary>
    /// <param name="name">A nested name; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough.</param>
    internal void ThrowIfDenied(string name, AccessRights anyOf)
    {
        if (!Allows(name, anyOf)) throw Denied(name, anyOf);
    }

    /// <summary>Throws <see cref="StoreError.PermissionDenied"/> unless one of some rights is granted for everything below a directory.</summary>
    /// <param name="directory">The nested name of the directory; <c>""</c> for the store itself.</param>
    /// <param name="anyOf">One of these is enough.</param>
    internal void ThrowIfDeniedBelow(string directory, AccessRights anyOf)
    {
        if (!AllowsBelow(directory, anyOf)) throw Denied(directory, anyOf);
    }

    /// <summary>Returns the exception for an access that the map does not allow.</summary>
    internal static StoreException Denied(string name, AccessRights anyOf, Exception? cause = null)
        => new(StoreError.PermissionDenied, $"the store's permissions require one of '{FormatRights(anyOf)}' there", name, cause);

    // The rules for reading are the same on every platform, so that a map means the same everywhere.
    private static void CheckPath(string path)
    {
        if (path is null) throw new StoreException(StoreError.InvalidArgument, "The permissions have an entry without a path.");
        if (path.Length == 0) return;
        if (ItemName.DescribeProblem(path, writing: false, windows: false) is { } problem) throw InvalidPath(path, $"matches no name: {problem}");
        if (path.Split('/').Any(element => element is "" or ".")) throw InvalidPath(path, "matches no name: it has an element that is empty or a dot");
    }

    private static StoreException InvalidPath(string path, string problem)
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
