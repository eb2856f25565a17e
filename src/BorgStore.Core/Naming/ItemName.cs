using System.Buffers;

namespace BorgStore.Naming;

/// <summary>The rules for names, checked once at the boundary of Core and identically on every platform.</summary>
/// <remarks>
/// Names to be written must pass <see cref="CheckWritable"/>, so that they are valid wherever the store may be copied to.
/// Names from elsewhere that only some platforms support are still listed and read if they pass <see cref="CheckReadable"/>:
/// the rules of the Python package, plus a ban on control characters anywhere, and on names that could lead out of the store
/// on this platform. A NUL would end the name for the system, but not for a permission check.
/// </remarks>
public static class ItemName
{
    /// <summary>The maximum length of a nested name [characters].</summary>
    public const int MaxLength = 100;

    // The longest path, and the longest element of one, that any storage uses for temporary items.
    private const int MaxPathLength = 1024;
    private const int MaxElementLength = 255;

    private static readonly SearchValues<char> ControlCharacters =
        SearchValues.Create(string.Concat(Enumerable.Range(0, 32).Append(127).Select(i => (char)i)));

    private static readonly SearchValues<char> ReadableCharacters = SearchValues.Create(
        string.Concat(Enumerable.Range(33, 94).Select(i => (char)i).Where(c => c is not '\\' and not (>= 'A' and <= 'Z'))));

    private static readonly SearchValues<char> WritableCharacters = SearchValues.Create(
        string.Concat(Enumerable.Range(33, 94).Select(i => (char)i)
            .Where(c => c is not ('\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|') and not (>= 'A' and <= 'Z'))));

    /// <summary>Checks a nested name that will be written, leaving room for the soft-deletion suffix.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="displayName">The name for the message, as the user gave it.</param>
    public static void CheckWritable(ReadOnlySpan<char> name, string displayName)
    {
        if ((DescribeProblem(name, writing: true, OperatingSystem.IsWindows()) ?? DescribeKeyProblem(name)) is { } problem)
            throw Invalid(displayName, problem);
    }

    /// <summary>Checks a nested name that will be read, moved away or deleted.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="displayName">The name for the message, as the user gave it.</param>
    public static void CheckReadable(ReadOnlySpan<char> name, string displayName)
    {
        if (DescribeReadingProblem(name) is { } problem) throw Invalid(displayName, problem);
    }

    /// <summary>Returns whether a nested name passes <see cref="CheckReadable"/>.</summary>
    /// <param name="name">The nested name.</param>
    public static bool IsReadable(ReadOnlySpan<char> name) => DescribeReadingProblem(name) is null;

    /// <summary>Checks the id of a temporary item: a path below the store, in the storage's own form.</summary>
    /// <param name="id">The id.</param>
    /// <param name="suffix">The required suffix, if the storage uses one.</param>
    public static void CheckTemporary(string id, string suffix = "")
    {
        if (id.EndsWith(suffix, StringComparison.Ordinal) && IsTemporary(id)) return;
        throw new StoreException(StoreError.InvalidName, $"'{PrintableText.Escape(id.Length > MaxPathLength ? id[..MaxPathLength] + "…" : id)}' is not the id of an unfinished value.", id);
    }

    /// <summary>Returns whether this can be the id of a temporary item.</summary>
    /// <param name="id">The id.</param>
    internal static bool IsTemporary(string id)
        => id.Length <= MaxPathLength && !id.AsSpan().ContainsAny(ControlCharacters) && id.Split('/').All(IsElementOfPath);

    /// <summary>Returns whether a file or directory of this name belongs in a listing.</summary>
    /// <param name="element">One element of a path.</param>
    public static bool IsListable(ReadOnlySpan<char> element)
        => element.Length > 0 && !element.Contains('/') && DescribeProblem(element, writing: false, OperatingSystem.IsWindows()) is null;

    /// <summary>Returns whether a store may contain a file or directory of this name: as a part of an item's name, or for internal use.</summary>
    /// <param name="element">One element of a path.</param>
    internal static bool CanBeInStore(ReadOnlySpan<char> element)
        => IsListable(element[..Math.Min(element.Length, MaxLength)])
            || (element.EndsWith(Suffixes.Temporary) || element.EndsWith(Suffixes.Hidden)) && IsTemporary(element.ToString());

    /// <summary>Returns whether this implementation would write the name.</summary>
    /// <param name="name">The nested name.</param>
    public static bool IsPortable(ReadOnlySpan<char> name) => DescribeProblem(name, writing: true, windows: false) is null;

    /// <summary>Returns what is wrong with a name.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="writing">Whether the name will be written.</param>
    /// <param name="windows">Whether to read by the rules of Windows, where more names lead out of a directory.</param>
    /// <returns>The end of a sentence, or <see langword="null"/> if the name is valid.</returns>
    internal static string? DescribeProblem(ReadOnlySpan<char> name, bool writing, bool windows)
    {
        if (name.IsEmpty) return "it is empty";
        // The limit leaves room for the soft-deletion suffix, whether or not the name already has it.
        var limit = writing && !name.EndsWith(Suffixes.Deleted) ? MaxLength - Suffixes.Deleted.Length : MaxLength;
        if (name.Length > limit)
            return $"it has {name.Length} characters with its nesting, more than {limit}";
        if (name[0] == '/' || name[^1] == '/') return "it begins or ends with '/'";
        if (name.EndsWith(Suffixes.Temporary) || name.EndsWith(Suffixes.Hidden))
            return $"names that end in '{Suffixes.Temporary}' or '{Suffixes.Hidden}' are reserved for internal use";
        if (name.Contains("..", StringComparison.Ordinal)) return "it contains '..'";

        if (name.Contains(SystemFolders.LostAndFound, StringComparison.Ordinal) && HasElement(name, SystemFolders.LostAndFound))
            return $"'{SystemFolders.LostAndFound}' is a folder that file systems reserve for themselves";

        var bad = name.IndexOfAnyExcept(writing || windows ? WritableCharacters : ReadableCharacters);
        if (bad >= 0) return DescribeCharacter(name[bad]);
        return writing || windows ? DescribeElementProblem(name) : null;
    }

    private static string? DescribeReadingProblem(ReadOnlySpan<char> name)
        => DescribeProblem(name, writing: false, OperatingSystem.IsWindows()) ?? DescribeKeyProblem(name);

    // Such a file may come from elsewhere, so it is listed; but no item has such a name.
    private static string? DescribeKeyProblem(ReadOnlySpan<char> name)
        => name[(name.LastIndexOf('/') + 1)..].SequenceEqual(Suffixes.Deleted) ? $"there is no key before '{Suffixes.Deleted}'" : null;

    private static bool IsElementOfPath(string element)
        => element is not ("" or "." or "..") && element.Length <= MaxElementLength
            && !(OperatingSystem.IsWindows() && element.AsSpan().ContainsAny('\\', ':'));

    private static string DescribeCharacter(char c) => c switch
    {
        >= 'A' and <= 'Z' => $"it contains the upper-case letter '{c}'; names are lower case",
        ' ' => "it contains a space",
        '\\' => @"it contains '\'; elements are separated by '/'",
        < ' ' or '\x7f' => $"it contains the control character 0x{(int)c:x2}",
        > '\x7f' => "it contains a character outside ASCII",
        _ => $"it contains '{c}', which not every platform allows in a file name",
    };

    private static string? DescribeElementProblem(ReadOnlySpan<char> name)
    {
        foreach (var range in new ElementEnumerator(name))
        {
            var element = name[range];
            if (element.IsEmpty) return "it contains an empty element ('//')";
            if (element[^1] == '.') return "one of its elements ends in a dot";
            if (IsDeviceName(element)) return $"'{element}' is the name of a device on Windows";
        }
        return null;
    }

    private static bool HasElement(ReadOnlySpan<char> name, string wanted)
    {
        foreach (var range in new ElementEnumerator(name))
            if (name[range].SequenceEqual(wanted)) return true;
        return false;
    }

    // Windows takes a device name with any extension as the device.
    private static bool IsDeviceName(ReadOnlySpan<char> element)
    {
        var dot = element.IndexOf('.');
        var stem = dot < 0 ? element : element[..dot];
        return stem.Length switch
        {
            3 => stem is "con" or "prn" or "aux" or "nul",
            4 => (stem.StartsWith("com") || stem.StartsWith("lpt")) && char.IsAsciiDigit(stem[3]),
            6 => stem is "conin$",
            7 => stem is "conout$",
            _ => false,
        };
    }

    private static StoreException Invalid(string name, string problem)
        => new(StoreError.InvalidName, $"'{PrintableText.Escape(name)}' is not a valid name: {problem}.", name);

    private ref struct ElementEnumerator(ReadOnlySpan<char> name)
    {
        private readonly ReadOnlySpan<char> _name = name;
        private int _next;

        public Range Current { get; private set; }

        public readonly ElementEnumerator GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_next > _name.Length) return false;
            var length = _name[_next..].IndexOf('/');
            var end = length < 0 ? _name.Length : _next + length;
            Current = _next..end;
            _next = end + 1;
            return true;
        }
    }
}
