using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Private;

/// <summary>File system calls on a folder that only its user may change, such as a cache: see <see cref="PrivateFolder"/>.</summary>
/// <param name="inner">The actual calls.</param>
/// <param name="root">The absolute path of the folder.</param>
internal sealed class PrivateFileSystem(FileSystem inner, string root) : FileSystem
{
    private readonly PrivateFolder _folder = new(root);

    public override bool SyncsAll => inner.SyncsAll;

    public override FileStatus? GetStatus(string name) => inner.GetStatus(Item(name));

    public override SafeFileHandle? OpenFile(string name, out FileStatus status) => inner.OpenFile(Item(name), out status);

    public override SafeFileHandle? OpenFile(string name) => inner.OpenFile(Item(name));

    public override SafeFileHandle? OpenInternal(string name) => inner.OpenInternal(Item(name));

    public override SafeFileHandle? CreateFile(string name) => inner.CreateFile(Name(name));

    public override SafeFileHandle? OpenRoot() => inner.OpenRoot();

    public override int Read(SafeFileHandle file, Span<byte> buffer, long offset) => inner.Read(file, buffer, offset);

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => inner.Write(file, bytes, offset);

    public override void SetLength(SafeFileHandle file, long length) => inner.SetLength(file, length);

    public override long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count)
        => inner.Copy(source, offset, target, targetOffset, count);

    public override void Close(SafeFileHandle file) => inner.Close(file);

    public override RenameResult Rename(string name, string newName, StoreMode mode) => inner.Rename(Name(name), Name(newName), mode);

    public override bool Delete(string name) => inner.Delete(Name(name));

    public override MakeDirectoryResult MakeDirectory(string name) => inner.MakeDirectory(Name(name));

    public override bool RemoveDirectory(string name) => inner.RemoveDirectory(Name(name));

    public override DirectoryReader? ReadDirectory(string name) => inner.ReadDirectory(Item(name));

    public override void Sync(SafeFileHandle file) => inner.Sync(file);

    public override void SyncDirectory(string name) => inner.SyncDirectory(name);

    public override void SyncAll(SafeFileHandle root) => inner.SyncAll(root);

    public override void SyncNamed(string name) => inner.SyncNamed(name);

    public override FileLock CreateLock(string name) => inner.CreateLock(name);

    // For calls that access the target of the name.
    private string Item(string name)
    {
        _folder.CheckItem(name);
        return name;
    }

    // For calls that add or remove the name itself; only the directories above it are followed.
    private string Name(string name)
    {
        _folder.CheckDirectories(name);
        return name;
    }
}
