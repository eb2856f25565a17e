namespace BorgStore.Synchronization;

/// <summary>How an item of two stores differs.</summary>
public enum DifferenceKind
{
    /// <summary>It does not, as far as it was compared.</summary>
    None,

    /// <summary>Only the reference has it.</summary>
    OnlyInReference,

    /// <summary>Only the other store has it.</summary>
    OnlyInDifference,

    /// <summary>The values have different sizes.</summary>
    Size,

    /// <summary>The values have the same size and different hashes.</summary>
    Content,

    /// <summary>It could not be compared.</summary>
    Unknown,
}

/// <summary>How thoroughly two values of the same size are compared.</summary>
public enum ContentCheck
{
    /// <summary>The same size is enough.</summary>
    Size,

    /// <summary>The hashes are compared, unless the other value was written after that of the reference, as a copy is, or at the same time, as some programs date their copies.</summary>
    Time,

    /// <summary>The hashes are compared.</summary>
    Hash,
}

/// <summary>What a comparison found about an item.</summary>
/// <param name="Name">The full name.</param>
/// <param name="IsDeleted">Whether it is soft-deleted. A live and a soft-deleted item of the same name are two items.</param>
/// <param name="Kind">The difference.</param>
/// <param name="Reference">The item in the reference, if it is there.</param>
/// <param name="Difference">The item in the other store, if it is there.</param>
/// <param name="Failure">Why it could not be compared.</param>
public sealed record ItemDifference(
    string Name, bool IsDeleted, DifferenceKind Kind, StoreItem? Reference, StoreItem? Difference, StoreException? Failure = null);
