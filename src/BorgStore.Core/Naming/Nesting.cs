namespace BorgStore.Naming;

/// <summary>Distributes the keys of a namespace over directories: <c>ns/12345678</c> with two levels becomes <c>ns/12/34/12345678</c>.</summary>
/// <remarks>The last element is always the whole key, so that a listing returns keys, and a stray file shows where it belongs.</remarks>
public static class Nesting
{
    private const int CharactersPerLevel = 2;

    /// <summary>Nests a name.</summary>
    /// <param name="name">A full name, <c>namespace/key</c> or a key alone.</param>
    /// <param name="levels">The number of directories before the key.</param>
    /// <param name="deleted">Whether to name the soft-deleted item.</param>
    /// <returns>The nested name. A key too short for all levels results in fewer or shorter directories.</returns>
    public static string Nest(string name, int levels, bool deleted = false)
    {
        var suffix = deleted ? Suffixes.Deleted : "";
        var keyStart = name.LastIndexOf('/') + 1;
        var used = (int)Math.Min(name.Length - keyStart, levels * (long)CharactersPerLevel);
        if (used <= 0) return name + suffix;

        var directories = (used + CharactersPerLevel - 1) / CharactersPerLevel;
        return string.Create(name.Length + used + directories + suffix.Length, (name, keyStart, used, suffix), static (span, state) =>
        {
            var (name, keyStart, used, suffix) = state;
            name.AsSpan(0, keyStart).CopyTo(span);
            var position = keyStart;
            for (var start = 0; start < used; start += CharactersPerLevel)
            {
                var part = name.AsSpan(keyStart + start, Math.Min(CharactersPerLevel, used - start));
                part.CopyTo(span[position..]);
                position += part.Length;
                span[position++] = '/';
            }
            name.AsSpan(keyStart).CopyTo(span[position..]);
            suffix.CopyTo(span[(position + name.Length - keyStart)..]);
        });
    }

    /// <summary>Returns whether a key is long enough for all levels.</summary>
    /// <param name="name">A full name.</param>
    /// <param name="levels">The number of directories before the key.</param>
    public static bool Fits(string name, int levels) => name.Length - (name.LastIndexOf('/') + 1) >= levels * (long)CharactersPerLevel;

    /// <summary>Returns the deepest directory that contains the nested names of all keys with the same start.</summary>
    /// <param name="prefix">The start of the keys, without a slash.</param>
    /// <param name="levels">The number of directories before the key.</param>
    /// <param name="rest">The start of the names in that directory; <see langword="null"/> if the directory is the last one, so that these names are keys.</param>
    internal static string FindDirectory(string prefix, int levels, out string? rest)
    {
        var known = Math.Min(levels, prefix.Length / CharactersPerLevel);
        rest = known == levels ? null : prefix[(known * CharactersPerLevel)..];
        return string.Join('/', Enumerable.Range(0, known).Select(i => prefix.Substring(i * CharactersPerLevel, CharactersPerLevel)));
    }

    /// <summary>Returns the key of a path from a listing.</summary>
    /// <param name="path">A path below a namespace, such as <c>12/34/12345678.del</c>.</param>
    /// <returns>The key without the directories that only nest it, the number of these, and whether it is
    /// soft-deleted. Directories not made by nesting stay part of the key. The key is empty, or ends with
    /// a slash, if the last element of the path consists only of the soft-deletion suffix.</returns>
    public static (string Key, int Levels, bool IsDeleted) Unnest(string path)
    {
        var isDeleted = path.EndsWith(Suffixes.Deleted, StringComparison.Ordinal);
        var end = isDeleted ? path.Length - Suffixes.Deleted.Length : path.Length;
        var keyStart = path.AsSpan(0, end).LastIndexOf('/') + 1;
        if (keyStart == 0) return (path[..end], 0, isDeleted);

        var levels = CountLevels(path.AsSpan(0, keyStart), path.AsSpan(keyStart, end - keyStart));
        return (path[(levels > 0 ? keyStart : 0)..end], levels, isDeleted);
    }

    // Directories nest the key if they are exactly its beginning, two characters each.
    private static int CountLevels(ReadOnlySpan<char> directories, ReadOnlySpan<char> key)
    {
        var levels = 0;
        for (var start = 0; !directories.IsEmpty; start += CharactersPerLevel, levels++)
        {
            if (start >= key.Length) return 0;
            var part = key.Slice(start, Math.Min(CharactersPerLevel, key.Length - start));
            if (!directories.StartsWith(part) || directories[part.Length] != '/') return 0;
            directories = directories[(part.Length + 1)..];
        }
        return levels;
    }
}
