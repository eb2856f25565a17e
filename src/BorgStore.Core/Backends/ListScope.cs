namespace BorgStore.Backends;

/// <summary>How deep a listing goes.</summary>
public enum ListScope
{
    /// <summary>The files and directories of one directory.</summary>
    OneLevel,

    /// <summary>The files of a directory and of all directories below it.</summary>
    Tree,
}
