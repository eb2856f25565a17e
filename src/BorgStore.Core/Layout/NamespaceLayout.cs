using BorgStore.Naming;

namespace BorgStore.Layout;

/// <summary>How the keys of a namespace are distributed over directories.</summary>
public sealed record NamespaceLayout
{
    /// <summary>The maximum number of levels to search if the levels are not known.</summary>
    internal const int MaxSearchedLevels = 3;

    /// <summary>The maximum number of levels of a namespace.</summary>
    internal const int MaxLevel = 16;

    /// <summary>Initializes the layout of a namespace.</summary>
    /// <param name="name">Its name; <c>""</c> for keys without a namespace.</param>
    /// <param name="levels">The levels at which items are searched, in order; new items are stored at the last one.</param>
    public NamespaceLayout(string name, params IReadOnlyList<int> levels)
    {
        Name = name.TrimEnd('/');
        // In a namespace with an invalid name, no item could be stored or found.
        if (Name.Length > 0) ItemName.CheckReadable(Name, Name);
        if (levels.Count == 0 || levels.Any(level => level is < 0 or > MaxLevel) || levels.Distinct().Count() != levels.Count)
            throw new StoreException(StoreError.InvalidArgument,
                $"The levels of namespace '{Name}' are [{string.Join(", ", levels)}]. Give one level (0 for flat, 2 for ns/12/34/1234…), or for a change of level the old one and then the new one; each from 0 to {MaxLevel}.",
                Name);
        Levels = levels;
    }

    /// <summary>The name, without a trailing slash.</summary>
    public string Name { get; }

    /// <summary>The levels at which items are searched, in order.</summary>
    public IReadOnlyList<int> Levels { get; }

    /// <summary>Whether the levels were given or recognised with certainty. Otherwise no new items are stored.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>How the namespace is cached, if the store has a cache.</summary>
    public CachePolicy Cache { get; init; } = CachePolicy.Off;

    /// <summary>The level for new items.</summary>
    public int WriteLevel => Levels[^1];

    /// <inheritdoc/>
    public override string ToString()
        => $"{(Name.Length == 0 ? "(root)" : Name)} = {(IsKnown ? string.Join("→", Levels) : "unknown")}";
}
