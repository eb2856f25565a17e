namespace BorgStore.PowerShell.Matching;

/// <summary>Patterns that select items by key, or by full name if the pattern has a slash.</summary>
internal sealed class ItemFilter(IEnumerable<string> patterns)
{
    private readonly (NamePattern Pattern, bool IsFull)[] _patterns = [.. patterns.Select(pattern => (new NamePattern(pattern), pattern.Contains('/')))];

    /// <summary>Returns whether any of the patterns matches.</summary>
    public bool Matches(StoreItem item) => Array.Exists(_patterns, one => one.Pattern.IsMatch(one.IsFull ? item.Name : item.Key));

    /// <summary>Returns whether any of the patterns matches, or there are no patterns.</summary>
    public bool Admits(StoreItem item) => _patterns.Length == 0 || Matches(item);
}
