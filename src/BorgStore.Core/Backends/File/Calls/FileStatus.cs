namespace BorgStore.Backends.Files;

/// <summary>The status of a file or directory.</summary>
/// <param name="Size">The size of a file [bytes].</param>
/// <param name="IsDirectory">Whether it is a directory.</param>
/// <param name="LastAccessTime">When it was last read (UTC).</param>
/// <param name="LastWriteTime">When it was last written to (UTC).</param>
internal readonly record struct FileStatus(long Size, bool IsDirectory, DateTime LastAccessTime, DateTime LastWriteTime)
{
    public ItemInfo ToItem(string name) => new(name, IsDirectory ? 0 : Size, IsDirectory, LastAccessTime, LastWriteTime);
}
