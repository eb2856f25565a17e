using System.Management.Automation;
using BorgStore.Layout;

namespace BorgStore.PowerShell.Drive;

/// <summary>A path with wildcards, each of which matches within one element, as in paths of files.</summary>
internal sealed class PathPattern(string pattern)
{
    private readonly string[] _elements = pattern.Split('/');

    private readonly WildcardPattern[] _wildcards =
        [.. pattern.Split('/').Select(element => new WildcardPattern(element, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant))];

    /// <summary>Returns whether a path matches.</summary>
    public bool IsMatch(string path) => path.Split('/') is var elements && elements.Length == _elements.Length && Begins(elements);

    /// <summary>Returns whether an item of a namespace can match, so that the namespace has to be searched.</summary>
    public bool CanMatchIn(NamespaceLayout ns)
    {
        var elements = Split(ns);
        // Only in flat namespaces can a key have a '/' in it.
        return (_elements.Length == elements.Length + 1 || (_elements.Length > elements.Length && ns.Levels.Contains(0))) && Begins(elements);
    }

    /// <summary>Returns the only key in a namespace that can match, or null if there may be several.</summary>
    public string? FindOnlyKey(NamespaceLayout ns)
        => string.Join('/', _elements[Split(ns).Length..]) is var key && WildcardPattern.ContainsWildcardCharacters(key) ? null : WildcardPattern.Unescape(key);

    /// <summary>Returns what the keys in a namespace that match begin with, in any case.</summary>
    public string FindPrefix(NamespaceLayout ns) => FindPrefix(string.Join('/', _elements[Split(ns).Length..]));

    /// <summary>Returns what all texts that match a pattern begin with, in any case.</summary>
    public static string FindPrefix(string wildcard)
    {
        var end = wildcard.AsSpan().IndexOfAny("*?[`");
        return end < 0 ? wildcard : wildcard[..end];
    }

    private bool Begins(string[] elements)
    {
        for (var i = 0; i < elements.Length; i++)
            if (!_wildcards[i].IsMatch(elements[i])) return false;
        return true;
    }

    private static string[] Split(NamespaceLayout ns) => ns.Name.Length == 0 ? [] : ns.Name.Split('/');
}
