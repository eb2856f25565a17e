namespace BorgStore.Synchronization;

/// <summary>What a step of a synchronisation does.</summary>
public enum SyncAction
{
    /// <summary>Copies an item that the destination lacks.</summary>
    Copy,

    /// <summary>Replaces an item that differs.</summary>
    Replace,

    /// <summary>Deletes an item permanently that the source lacks.</summary>
    Delete,
}

/// <summary>A step of a synchronisation.</summary>
/// <param name="Action">What it does.</param>
/// <param name="Name">The full name.</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
/// <param name="Size">The size of the value [bytes].</param>
/// <param name="Failure">Why the item could not be compared. Carrying out the step fails with it.</param>
public sealed record SyncStep(SyncAction Action, string Name, bool IsDeleted, long Size, StoreException? Failure = null);

/// <summary>A phase of a synchronisation. All its steps may be carried out at the same time, and the next phase only after them.</summary>
/// <param name="Namespace">The namespace that it concerns.</param>
/// <param name="Deletes">Whether it deletes items; otherwise it copies them.</param>
public sealed record SyncPhase(string Namespace, bool Deletes);

/// <summary>What is synchronised, and how.</summary>
public sealed record SyncOptions
{
    /// <summary>What is compared, and how. <see cref="ComparisonOptions.IncludesEqual"/> has no effect.</summary>
    public ComparisonOptions Comparison { get; init; } = new() { Check = ContentCheck.Time };

    /// <summary>Whether items that the source lacks are deleted in the destination.</summary>
    public bool Deletes { get; init; }

    /// <summary>Whether each copy is read again, by its storage if it can, and its hash compared.</summary>
    public bool IsVerified { get; init; }
}
