namespace BorgStore.Synchronization;

/// <summary>What is compared, and how.</summary>
public sealed record ComparisonOptions
{
    /// <summary>The namespaces; all of both stores by default.</summary>
    public IReadOnlyList<string>? Namespaces { get; init; }

    /// <summary>Selects the items to compare; all by default.</summary>
    public Predicate<StoreItem>? Filter { get; init; }

    /// <summary>How values of the same size are compared.</summary>
    public ContentCheck Check { get; init; }

    /// <summary>Whether items named by the hash of their value are taken as equal if their sizes are.</summary>
    public bool TrustNames { get; init; }

    /// <summary>Whether items without a difference are returned as well.</summary>
    public bool IncludesEqual { get; init; }

    /// <summary>The number of items hashed at a time.</summary>
    public int Parallelism { get; init; } = 8;
}
