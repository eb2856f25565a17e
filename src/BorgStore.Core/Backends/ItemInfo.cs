namespace BorgStore.Backends;

/// <summary>A backend's information about a file or directory.</summary>
/// <param name="Name">Its nested name: the last element in a listing of one level, the path
/// below the listed directory in a listing of a tree, otherwise the requested name.</param>
/// <param name="Size">The size of the value [bytes]; 0 for a directory.</param>
/// <param name="IsDirectory">Whether it is a directory.</param>
/// <param name="LastAccessTime">When it was last read (UTC), if the storage knows.</param>
/// <param name="LastWriteTime">When it was written (UTC), if the storage knows.</param>
public readonly record struct ItemInfo(
    string Name,
    long Size,
    bool IsDirectory = false,
    DateTime? LastAccessTime = null,
    DateTime? LastWriteTime = null);
