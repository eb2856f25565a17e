namespace BorgStore.Naming;

/// <summary>The suffixes of file names with a special meaning.</summary>
public static class Suffixes
{
    /// <summary>A soft-deleted item, which is renamed on the same nesting level.</summary>
    public const string Deleted = ".del";

    /// <summary>A value that is being written.</summary>
    public const string Temporary = ".tmp";

    /// <summary>An internal file of an implementation.</summary>
    public const string Hidden = ".hid";

    /// <summary>Returns whether a nested name is that of a soft-deleted item.</summary>
    /// <param name="name">The nested name.</param>
    internal static bool IsDeleted(string name) => name.EndsWith(Deleted, StringComparison.Ordinal);
}
