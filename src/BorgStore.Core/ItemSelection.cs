namespace BorgStore;

/// <summary>Selects the items that a listing returns.</summary>
public enum ItemSelection
{
    /// <summary>Items that are not soft-deleted.</summary>
    Live,

    /// <summary>Soft-deleted items.</summary>
    Deleted,

    /// <summary>All items.</summary>
    All,
}
