namespace BorgStore.Backends.Files;

/// <summary>The type of a directory entry, as the directory itself records it.</summary>
internal enum EntryKind : byte
{
    /// <summary>Unknown without a look at the entry, or none of the other types.</summary>
    Unknown,

    File,

    Directory,

    /// <summary>A symbolic link.</summary>
    Link,
}

/// <summary>An entry of a directory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its type.</param>
/// <param name="Index">Its position in the order of reading.</param>
internal readonly record struct DirectoryEntry(string Name, EntryKind Kind, int Index);

/// <summary>A directory that was read completely, and can return the status of its entries.</summary>
internal abstract class DirectoryReader : IDisposable
{
    /// <summary>The entries, in the order of reading.</summary>
    public List<DirectoryEntry> Entries { get; } = [];

    /// <summary>Gets the status of an entry; symbolic links are followed.</summary>
    /// <returns>The status, or <see langword="null"/> if the entry no longer exists.</returns>
    public abstract FileStatus? GetStatus(DirectoryEntry entry);

    public abstract void Dispose();
}
