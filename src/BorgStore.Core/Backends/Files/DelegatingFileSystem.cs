using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>Passes all calls on. Derived classes change some of them.</summary>
/// <param name="inner">What receives the calls.</param>
internal abstract class DelegatingFileSystem(FileSystem inner) : FileSystem
{
    public override bool SyncsAll => Inner.SyncsAll;

    public override bool DatesRenames => Inner.DatesRenames;

    protected FileSystem Inner => inner;

    public override FileStatus? GetStatus(string name) => Inner.GetStatus(name);

    public override SafeFileHandle? OpenFile(string name, out FileStatus status) => Inner.OpenFile(name, out status);

    public override SafeFileHandle? OpenFile(string name) => Inner.OpenFile(name);

    public override SafeFileHandle? OpenInternal(string name) => Inner.OpenInternal(name);

    public override SafeFileHandle? CreateFile(string name) => Inner.CreateFile(name);

    public override SafeFileHandle? OpenRoot() => Inner.OpenRoot();

    public override int Read(SafeFileHandle file, Span<byte> buffer, long offset) => Inner.Read(file, buffer, offset);

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => Inner.Write(file, bytes, offset);

    public override void SetLength(SafeFileHandle file, long length) => Inner.SetLength(file, length);

    public override long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count)
        => Inner.Copy(source, offset, target, targetOffset, count);

    public override void Close(SafeFileHandle file) => Inner.Close(file);

    public override RenameResult Rename(string name, string newName, StoreMode mode) => Inner.Rename(name, newName, mode);

    public override bool Delete(string name) => Inner.Delete(name);

    public override MakeDirectoryResult MakeDirectory(string name) => Inner.MakeDirectory(name);

    public override bool RemoveDirectory(string name) => Inner.RemoveDirectory(name);

    public override DirectoryReader? ReadDirectory(string name) => Inner.ReadDirectory(name);

    public override void Sync(SafeFileHandle file) => Inner.Sync(file);

    public override void SyncDirectory(string name) => Inner.SyncDirectory(name);

    public override void SyncAll(SafeFileHandle root) => Inner.SyncAll(root);

    public override void SyncNamed(string name) => Inner.SyncNamed(name);

    public override FileLock CreateLock(string name) => Inner.CreateLock(name);
}
