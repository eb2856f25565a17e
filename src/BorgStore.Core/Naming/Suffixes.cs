namespace BorgStore.Naming;

/// <summary>The endings of file names that mean something.</summary>
public static class Suffixes
{
    /// <summary>A soft-deleted item: an ordinary rename of the item, on the same nesting level.</summary>
    public const string Deleted = ".del";

    /// <summary>A value still being written.</summary>
    public const string Temporary = ".tmp";

    /// <summary>A file that implementations keep for themselves.</summary>
    public const string Hidden = ".hid";
}
