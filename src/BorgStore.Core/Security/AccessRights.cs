namespace BorgStore.Security;

/// <summary>The permitted operations on items under a name.</summary>
[Flags]
public enum AccessRights
{
    /// <summary>No operations.</summary>
    None = 0,

    /// <summary><c>l</c>: list names.</summary>
    List = 1,

    /// <summary><c>r</c>: read values.</summary>
    Read = 2,

    /// <summary><c>w</c>: store new items.</summary>
    Write = 4,

    /// <summary><c>W</c>: store new items and replace existing ones.</summary>
    Overwrite = 8,

    /// <summary><c>D</c>: delete items.</summary>
    Delete = 16,
}
