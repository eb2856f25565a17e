using System.IO.Enumeration;

namespace BorgStore.Backends.Files.Portable;

/// <summary>A directory that is read together with the status of all entries, which costs nothing extra on Windows.</summary>
internal sealed class PortableDirectory : DirectoryReader
{
    private static readonly EnumerationOptions All = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    private readonly string _path;
    private readonly List<FileStatus> _statuses = [];

    public PortableDirectory(string path)
    {
        _path = path;
        var entries = new FileSystemEnumerable<(string Name, EntryKind Kind, FileStatus Status)>(
            path,
            static (ref FileSystemEntry entry) => (entry.FileName.ToString(), KindOf(ref entry), StatusOf(ref entry)),
            All);
        foreach (var (name, kind, status) in entries)
        {
            Entries.Add(new DirectoryEntry(name, kind, Entries.Count));
            _statuses.Add(status);
        }
    }

    public override FileStatus? GetStatus(DirectoryEntry entry)
    {
        if (entry.Kind != EntryKind.Link) return _statuses[entry.Index];
        var target = FileErrors.NullIfAbsent(() => new FileInfo(Path.Join(_path, entry.Name)).ResolveLinkTarget(returnFinalTarget: true));
        return target switch
        {
            FileInfo { Exists: true } file => new FileStatus(file.Length, false, file.LastAccessTimeUtc, file.LastWriteTimeUtc),
            DirectoryInfo { Exists: true } directory => new FileStatus(0, true, directory.LastAccessTimeUtc, directory.LastWriteTimeUtc),
            _ => null,
        };
    }

    public override void Dispose()
    {
    }

    private static EntryKind KindOf(ref FileSystemEntry entry)
        => entry.Attributes.HasFlag(FileAttributes.ReparsePoint) ? EntryKind.Link
            : entry.IsDirectory ? EntryKind.Directory
            : EntryKind.File;

    private static FileStatus StatusOf(ref FileSystemEntry entry) => new(
        entry.IsDirectory ? 0 : entry.Length, entry.IsDirectory, entry.LastAccessTimeUtc.UtcDateTime, entry.LastWriteTimeUtc.UtcDateTime);
}
