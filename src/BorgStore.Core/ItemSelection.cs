namespace BorgStore;

/// <summary>Which items a listing yields.</summary>
public enum ItemSelection
{
    /// <summary>Those that are not soft-deleted.</summary>
    Live,

    /// <summary>Those that are soft-deleted.</summary>
    Deleted,

    /// <summary>All.</summary>
    All,
}
