namespace BorgStore.Diagnostics;

/// <summary>The operations that are counted and timed.</summary>
public enum Operation
{
    /// <summary>Getting information about an item.</summary>
    Info,

    /// <summary>Loading a value or a part of it.</summary>
    Load,

    /// <summary>Loading ranges of several values with one call.</summary>
    Gather,

    /// <summary>Storing a value.</summary>
    Store,

    /// <summary>Deleting an item permanently.</summary>
    Delete,

    /// <summary>Renaming, soft deletion and undeletion, change of level.</summary>
    Move,

    /// <summary>Listing.</summary>
    List,

    /// <summary>Hashing a value.</summary>
    Hash,

    /// <summary>Defragmentation.</summary>
    Defrag,

    /// <summary>Copying a value from a store, by the storage itself.</summary>
    Copy,
}
