using System.Buffers;
using System.Globalization;
using System.Text;
using BorgStore.Naming;
using BorgStore.Server.Http;

namespace BorgStore.Server.Stores;

/// <summary>The names of stores below a root: the first elements of a request's path, as many for every store of a server.</summary>
/// <remarks>Only letters, digits and a few other characters are allowed, so that a name has one spelling: a second one would bypass the rights of
/// the first, and an encoded slash or a device of Windows would lead out of the root. The storage may take two names for one, such as
/// <c>Anna</c> and <c>anna</c> on Windows, or two forms of <c>ö</c>. Therefore capital letters and all that is not ASCII are escaped there.</remarks>
internal static class StoreName
{
    /// <summary>The maximum number of elements of a name.</summary>
    public const int MaxDepth = 8;

    /// <summary>The first element of paths that are the server's own.</summary>
    public const string Reserved = "-";

    private const int MaxElementLength = 64;
    private const int MaxEscapedLength = 200;
    private const char EscapeCharacter = '=';
    private static readonly SearchValues<char> Plain = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_./");
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Splits the target of a request.</summary>
    /// <param name="rawTarget">The target.</param>
    /// <param name="depth">The number of elements of every store's name.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidName"/> if the path does not begin with a valid name,
    /// <see cref="StoreError.StoreDoesNotExist"/> if it ends before a name does.</exception>
    public static (string Store, RequestTarget Target) Split(string rawTarget, int depth)
    {
        var (path, query) = RequestTarget.SplitQuery(rawTarget);
        var end = 0;
        for (var i = 0; i < depth; i++)
        {
            if (path.Length <= end + 1 || path[end] != '/') throw TooShort(depth);
            end = path.IndexOf('/', end + 1) is > 0 and var slash ? slash : path.Length;
        }
        var name = DecodePercent(path[1..end]);
        Check(name);
        // Without a slash, it is the store itself all the same.
        return (name, new((end == path.Length ? "/" : path[end..], query)));
    }

    /// <summary>Throws if a name is not valid.</summary>
    /// <param name="name">The name, elements separated by slashes.</param>
    public static void Check(string name)
    {
        foreach (var element in name.Split('/'))
            if (DescribeProblem(element) is { } problem)
                throw new StoreException(StoreError.InvalidName, $"'{PrintableText.Escape(name)}' is not the name of a store: {problem}.", name);
    }

    /// <summary>Returns what is wrong with an element of a name, or <see langword="null"/> if it is valid.</summary>
    /// <param name="element">The element.</param>
    public static string? DescribeProblem(string element)
    {
        if (element.Length > MaxElementLength) return $"an element has more than {MaxElementLength} characters";
        _ = Rune.DecodeFromUtf16(element, out var first, out _);
        if (!Rune.IsLetterOrDigit(first)) return "an element does not begin with a letter or digit";
        foreach (var rune in element.EnumerateRunes())
            if (!IsAllowed(rune)) return "an element has a character other than letters, digits, '-', '_', '.' and '@'";
        if (element.EndsWith(Suffixes.Deleted, StringComparison.Ordinal)) return $"an element ends in '{Suffixes.Deleted}'";
        var escaped = Escape(element);
        return escaped.Length > MaxEscapedLength ? "an element has too many characters for the name of a folder" : ItemName.DescribeProblem(escaped, writing: true, windows: true);
    }

    /// <summary>Returns a name as it is spelled on the storage: <c>=41nna</c> for <c>Anna</c>.</summary>
    /// <param name="name">The valid name, elements separated by slashes.</param>
    public static string Escape(string name)
    {
        if (!name.AsSpan().ContainsAnyExcept(Plain)) return name;
        var escaped = new StringBuilder();
        foreach (var value in Encoding.UTF8.GetBytes(name))
        {
            if (Plain.Contains((char)value)) escaped.Append((char)value);
            else escaped.Append(CultureInfo.InvariantCulture, $"{EscapeCharacter}{value:x2}");
        }
        return escaped.ToString();
    }

    /// <summary>Returns the name of a folder's element as clients spell it, or <see langword="null"/> if no store has such a folder.</summary>
    /// <param name="element">The name of the folder.</param>
    public static string? Unescape(string element)
    {
        var name = element.Contains(EscapeCharacter) ? Decode(element, EscapeCharacter, _ => true) : element;
        return name is not null && DescribeProblem(name) is null && Escape(name) == element ? name : null;
    }

    private static bool IsAllowed(Rune rune)
        => rune.IsAscii ? Rune.IsLetterOrDigit(rune) || rune.Value is '-' or '_' or '.' or '@'
            : Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark || Rune.IsLetter(rune);

    // Clients encode letters that are not ASCII, and some the '@'. Anything else has one spelling, also for a proxy with rules about paths.
    private static string DecodePercent(string name)
        => !name.Contains('%') ? name
            : Decode(name, '%', value => !char.IsAscii((char)value) || value == '@')
                ?? throw new StoreException(StoreError.InvalidName,
                    $"'{PrintableText.Escape(name)}' is not the name of a store: only '@' and letters beyond ASCII, as UTF-8, may be percent-encoded.", name);

    // Returns null if it is not valid.
    private static string? Decode(string text, char escape, Func<byte, bool> isAllowed)
    {
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsAscii(text[i])) return null;
            if (text[i] != escape)
            {
                bytes.Add((byte)text[i]);
                continue;
            }
            if (i + 2 >= text.Length || !byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) || !isAllowed(value)) return null;
            bytes.Add(value);
            i += 2;
        }
        try
        {
            return Utf8.GetString([.. bytes]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static StoreException TooShort(int depth)
        => new(StoreError.StoreDoesNotExist, $"This server has many stores. Append the name of one to the URL, as in https://host/{(depth == 1 ? "NAME" : "TEAM/NAME")}: "
            + $"{depth} {(depth == 1 ? "element" : "elements")} of the path.")
        {
            IsExplained = true,
        };
}
