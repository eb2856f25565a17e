using System.Management.Automation;
using BorgStore.Layout;

namespace BorgStore.PowerShell.Matching;

/// <summary>A wildcard pattern for full names, where <c>*</c> also matches slashes.</summary>
/// <param name="pattern">The pattern. Throws <see cref="StoreError.InvalidArgument"/> if it is not valid.</param>
internal sealed class NamePattern(string pattern)
{
    private readonly WildcardPattern _wildcard = Parse(pattern);
    private readonly List<char> _tokens = Tokenize(pattern);

    // Tokens other than literal characters: any run of characters, or any single one.
    private const char AnyRun = '\0';
    private const char AnyOne = '\x1';

    public bool IsMatch(string name) => _wildcard.IsMatch(name);

    /// <summary>Returns the pattern that matches only this name.</summary>
    /// <param name="name">The name.</param>
    /// <remarks>Before 7.6, PowerShell's own method does not escape the escape character itself.</remarks>
    public static string Escape(string name) => string.Concat(name.Select(c => c is '*' or '?' or '[' or ']' or '`' ? $"`{c}" : c.ToString()));

    /// <summary>Returns the start that the keys of all matching names in a namespace have; <c>""</c> if they may have any.</summary>
    public string GetKeyPrefix(string ns)
    {
        // Names are lower-case ASCII. Outside ASCII, a letter may have an equivalent in it.
        var start = string.Concat(_tokens.TakeWhile(token => token is not (AnyRun or AnyOne) && char.IsAscii(token))).ToLowerInvariant();
        var before = ns.Length == 0 ? "" : ns + "/";
        return start.StartsWith(before, StringComparison.Ordinal) ? start[before.Length..] : "";
    }

    /// <summary>Returns whether a name in a namespace can match, so that the namespace has to be listed.</summary>
    public bool CanMatchWithin(string ns, StoreLayout layout)
    {
        // If the pattern begins with a namespace, it matches only in that namespace and those nested in it.
        var start = new string([.. _tokens.TakeWhile(token => token is not (AnyRun or AnyOne))]).ToLowerInvariant();
        var home = layout.Find(start)?.Name ?? "";
        if (home.Length > 0 && ns != home && !ns.StartsWith(home + "/", StringComparison.Ordinal)) return false;

        // All positions in the pattern that are reachable after the characters so far.
        var places = new SortedSet<int> { 0 };
        foreach (var c in ns.Length == 0 ? "" : ns + "/")
        {
            var next = new SortedSet<int>();
            foreach (var place in Spread(places))
            {
                if (place == _tokens.Count) continue;
                var token = _tokens[place];
                if (token == AnyRun) next.Add(place);
                else if (token == AnyOne || char.ToLowerInvariant(token) == char.ToLowerInvariant(c)) next.Add(place + 1);
            }
            if (next.Count == 0) return false;
            places = next;
        }
        // A key has at least one character.
        return Spread(places).Any(place => place < _tokens.Count);
    }

    // PowerShell checks a pattern when it is first used, which may never happen.
    private static WildcardPattern Parse(string pattern)
    {
        try
        {
            var wildcard = new WildcardPattern(pattern, WildcardOptions.IgnoreCase | WildcardOptions.CultureInvariant);
            wildcard.IsMatch("");
            return wildcard;
        }
        catch (WildcardPatternException e)
        {
            throw new StoreException(StoreError.InvalidArgument, $"'{pattern}' is not a valid pattern: it has a '[' without a ']'. For the character itself, write '`['.", pattern, e);
        }
    }

    private SortedSet<int> Spread(SortedSet<int> places)
    {
        var all = new SortedSet<int>(places);
        foreach (var place in places)
        {
            for (var i = place; i < _tokens.Count && _tokens[i] == AnyRun; i++) all.Add(i + 1);
        }
        return all;
    }

    private static List<char> Tokenize(string pattern)
    {
        var tokens = new List<char>();
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '`' when i + 1 < pattern.Length:
                    tokens.Add(pattern[++i]);
                    break;
                case '*':
                    tokens.Add(AnyRun);
                    break;
                case '?':
                    tokens.Add(AnyOne);
                    break;
                case '[' when pattern.IndexOf(']', i + 1) is > 0 and var end:
                    tokens.Add(AnyOne);
                    i = end;
                    break;
                default:
                    tokens.Add(pattern[i]);
                    break;
            }
        }
        return tokens;
    }
}
