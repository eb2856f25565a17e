using BorgStore.Naming;

namespace BorgStore.Layout;

/// <summary>How the keys of a namespace are spread over directories.</summary>
public sealed record NamespaceLayout
{
    /// <summary>The most levels that a search tries where the levels are not known.</summary>
    internal const int MostSearchedLevels = 3;

    /// <summary>The most levels that a namespace may have.</summary>
    internal const int DeepestLevel = 16;

    /// <summary>Describes a namespace.</summary>
    /// <param name="name">Its name; <c>""</c> for keys without a namespace.</param>
    /// <param name="levels">The levels at which items are searched, in that order; new items go to the last.</param>
    public NamespaceLayout(string name, params IReadOnlyList<int> levels)
    {
        Name = name.TrimEnd('/');
        // No item could be stored or found in such a namespace.
        if (Name.Length > 0) ItemName.CheckReadable(Name, Name);
        if (levels.Count == 0 || levels.Any(level => level is < 0 or > DeepestLevel) || levels.Distinct().Count() != levels.Count)
            throw new StoreException(StoreError.InvalidArgument,
                $"The levels of namespace '{Name}' are [{string.Join(", ", levels)}]. Give one level (0 for flat, 2 for ns/12/34/1234…), or for a change of level the old one and then the new one; each from 0 to {DeepestLevel}.",
                Name);
        Levels = levels;
    }

    /// <summary>The name, without a slash at the end.</summary>
    public string Name { get; }

    /// <summary>The levels at which items are searched, in that order.</summary>
    public IReadOnlyList<int> Levels { get; }

    /// <summary>Whether the levels were given, or seen without a doubt. Nothing new is written where they are not.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>How the namespace is cached, where the store has a cache.</summary>
    public CachePolicy Cache { get; init; } = CachePolicy.Off;

    /// <summary>The level of new items.</summary>
    public int WriteLevel => Levels[^1];

    /// <inheritdoc/>
    public override string ToString()
        => $"{(Name.Length == 0 ? "(root)" : Name)} = {(IsKnown ? string.Join("→", Levels) : "unknown")}";
}
