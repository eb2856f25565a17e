using System.Buffers;

namespace BorgStore.Naming;

/// <summary>The rules for names, checked once at the edge of Core and on every platform alike.</summary>
/// <remarks>
/// What is written obeys <see cref="CheckWritable"/>, so that it is safe wherever the store is carried to. What others wrote under
/// names that only some platforms can hold is still listed and read: that obeys <see cref="CheckReadable"/>, the rules of the
/// Python package, except that no control character is allowed anywhere, and no name that could lead out of the store on this platform.
/// A NUL would end the name for the system, but not for whoever checks permissions.
/// </remarks>
public static class ItemName
{
    /// <summary>The longest nested name [characters].</summary>
    public const int MaxLength = 100;

    // The longest path and element of a path that any storage has for what is unfinished.
    private const int MaxPathLength = 1024;
    private const int MaxElementLength = 255;

    private static readonly SearchValues<char> ControlCharacters =
        SearchValues.Create(string.Concat(Enumerable.Range(0, 32).Append(127).Select(i => (char)i)));

    private static readonly SearchValues<char> ReadableCharacters = SearchValues.Create(
        string.Concat(Enumerable.Range(33, 94).Select(i => (char)i).Where(c => c is not '\\' and not (>= 'A' and <= 'Z'))));

    private static readonly SearchValues<char> WritableCharacters = SearchValues.Create(
        string.Concat(Enumerable.Range(33, 94).Select(i => (char)i)
            .Where(c => c is not ('\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|') and not (>= 'A' and <= 'Z'))));

    /// <summary>Checks a nested name that is to be written, with room for the suffix of soft deletion.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="shownName">The name for the message, as the user gave it.</param>
    public static void CheckWritable(ReadOnlySpan<char> name, string shownName)
    {
        if ((DescribeProblem(name, writing: true, OperatingSystem.IsWindows()) ?? DescribeKeyProblem(name)) is { } problem)
            throw Invalid(shownName, problem);
    }

    /// <summary>Checks a nested name that is to be read, moved away or deleted.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="shownName">The name for the message, as the user gave it.</param>
    public static void CheckReadable(ReadOnlySpan<char> name, string shownName)
    {
        if (DescribeReadingProblem(name) is { } problem) throw Invalid(shownName, problem);
    }

    /// <summary>Whether a nested name passes <see cref="CheckReadable"/>.</summary>
    /// <param name="name">The nested name.</param>
    public static bool IsReadable(ReadOnlySpan<char> name) => DescribeReadingProblem(name) is null;

    /// <summary>Checks the id of an unfinished value: a path below the store, whatever its storage calls it.</summary>
    /// <param name="id">The id.</param>
    /// <param name="suffix">What it ends with, where the storage gives it an end.</param>
    public static void CheckTemporary(string id, string suffix = "")
    {
        if (id.EndsWith(suffix, StringComparison.Ordinal) && IsTemporary(id)) return;
        throw new StoreException(StoreError.InvalidName, $"'{PrintableText.Escape(id.Length > MaxPathLength ? id[..MaxPathLength] + "…" : id)}' is not the id of an unfinished value.", id);
    }

    /// <summary>Whether this can be the id of an unfinished value.</summary>
    /// <param name="id">The id.</param>
    internal static bool IsTemporary(string id)
        => id.Length <= MaxPathLength && !id.AsSpan().ContainsAny(ControlCharacters) && id.Split('/').All(IsElementOfPath);

    /// <summary>Whether a file or directory of this name belongs into a listing.</summary>
    /// <param name="element">One element of a path.</param>
    public static bool IsListable(ReadOnlySpan<char> element)
        => element.Length > 0 && !element.Contains('/') && DescribeProblem(element, writing: false, OperatingSystem.IsWindows()) is null;

    /// <summary>Whether a store may hold a file or directory of this name: an item or a part of its name, or something for internal use.</summary>
    /// <param name="element">One element of a path.</param>
    internal static bool MayLieInStore(ReadOnlySpan<char> element)
        => IsListable(element[..Math.Min(element.Length, MaxLength)])
            || (element.EndsWith(Suffixes.Temporary) || element.EndsWith(Suffixes.Hidden)) && IsTemporary(element.ToString());

    /// <summary>Whether the name is one that this implementation would write itself.</summary>
    /// <param name="name">The nested name.</param>
    public static bool IsPortable(ReadOnlySpan<char> name) => DescribeProblem(name, writing: true, windows: false) is null;

    /// <summary>Says what is wrong with a name.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="writing">Whether the name is to be written.</param>
    /// <param name="windows">Whether the rules for reading are those of Windows, where more names lead out of a directory.</param>
    /// <returns>The end of a sentence, or <see langword="null"/> where nothing is.</returns>
    internal static string? DescribeProblem(ReadOnlySpan<char> name, bool writing, bool windows)
    {
        if (name.IsEmpty) return "it is empty";
        // The suffix of soft deletion has room within the limit, whether the name carries it already or not.
        var limit = writing && !name.EndsWith(Suffixes.Deleted) ? MaxLength - Suffixes.Deleted.Length : MaxLength;
        if (name.Length > limit)
            return $"it has {name.Length} characters with its nesting, more than {limit}";
        if (name[0] == '/' || name[^1] == '/') return "it begins or ends with '/'";
        if (name.EndsWith(Suffixes.Temporary) || name.EndsWith(Suffixes.Hidden))
            return $"names that end in '{Suffixes.Temporary}' or '{Suffixes.Hidden}' are kept for internal use";
        if (name.Contains("..", StringComparison.Ordinal)) return "it contains '..'";

        var bad = name.IndexOfAnyExcept(writing || windows ? WritableCharacters : ReadableCharacters);
        if (bad >= 0) return DescribeCharacter(name[bad]);
        return writing || windows ? DescribeElementProblem(name) : null;
    }

    private static string? DescribeReadingProblem(ReadOnlySpan<char> name)
        => DescribeProblem(name, writing: false, OperatingSystem.IsWindows()) ?? DescribeKeyProblem(name);

    // Another one may have stored it, so that it is listed; but no item has such a name.
    private static string? DescribeKeyProblem(ReadOnlySpan<char> name)
        => name[(name.LastIndexOf('/') + 1)..].SequenceEqual(Suffixes.Deleted) ? $"there is no key before '{Suffixes.Deleted}'" : null;

    private static bool IsElementOfPath(string element)
        => element is not ("" or "." or "..") && element.Length <= MaxElementLength
            && !(OperatingSystem.IsWindows() && element.AsSpan().ContainsAny('\\', ':'));

    private static string DescribeCharacter(char c) => c switch
    {
        >= 'A' and <= 'Z' => $"it contains the upper-case letter '{c}'; names are lower case",
        ' ' => "it contains a blank",
        '\\' => @"it contains '\'; elements are separated by '/'",
        < ' ' or '\x7f' => $"it contains the control character 0x{(int)c:x2}",
        > '\x7f' => "it contains a character outside ASCII",
        _ => $"it contains '{c}', which not every platform can hold in a file name",
    };

    private static string? DescribeElementProblem(ReadOnlySpan<char> name)
    {
        foreach (var range in new ElementEnumerator(name))
        {
            var element = name[range];
            if (element.IsEmpty) return "it contains an empty element ('//')";
            if (element[^1] == '.') return "an element of it ends in a dot";
            if (IsDeviceName(element)) return $"'{element}' is the name of a device on Windows";
        }
        return null;
    }

    // Windows takes a device name with any extension for the device.
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
        => new(StoreError.InvalidName, $"'{PrintableText.Escape(name)}' is no valid name: {problem}.", name);

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
