namespace BorgStore.Backends.Files;

/// <summary>What a directory says of an entry without looking at the entry itself.</summary>
internal enum EntryKind : byte
{
    /// <summary>Not known without a look, or neither of the others.</summary>
    Unknown,

    File,

    Directory,

    /// <summary>A symbolic link.</summary>
    Link,
}

/// <summary>One entry of a directory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Index">Which of those that were read it is.</param>
internal readonly record struct DirectoryEntry(string Name, EntryKind Kind, int Index);

/// <summary>A directory that was read as a whole, and can be asked for more about its entries.</summary>
internal abstract class DirectoryReader : IDisposable
{
    /// <summary>The entries as they came.</summary>
    public List<DirectoryEntry> Entries { get; } = [];

    /// <summary>Tells of an entry; symbolic links are followed.</summary>
    /// <returns>What is known, or <see langword="null"/> where it vanished.</returns>
    public abstract FileStatus? GetStatus(DirectoryEntry entry);

    public abstract void Dispose();
}
