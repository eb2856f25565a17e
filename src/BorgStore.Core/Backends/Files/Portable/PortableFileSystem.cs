using System.Runtime.InteropServices;
using BorgStore.Backends.Files.Linux;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Portable;

/// <summary>File system calls through the framework, for every platform.</summary>
/// <param name="root">The absolute path of the store.</param>
internal sealed partial class PortableFileSystem(string root) : FileSystem
{
    // Readers must not prevent others from reading, replacing or deleting the file.
    private const FileShare ShareAll = FileShare.ReadWrite | FileShare.Delete;

    private readonly string _root = root + "/";

    public override bool SyncsAll => false;

    public override FileStatus? GetStatus(string name) => FileErrors.NullIfAbsent(() => ReadStatus(PathOf(name)));

    public override SafeFileHandle? OpenFile(string name, out FileStatus status)
    {
        status = default;
        var path = PathOf(name);
        // The framework reports opening a directory as denied access.
        if (Directory.Exists(path)) return null;
        var file = FileErrors.NullIfAbsent(() => File.OpenHandle(path, FileMode.Open, FileAccess.Read, ShareAll));
        if (file is null) return null;
        status = FileErrors.Map(() => new FileStatus(
            RandomAccess.GetLength(file), IsDirectory: false, File.GetLastAccessTimeUtc(file), File.GetLastWriteTimeUtc(file)));
        return file;
    }

    public override SafeFileHandle? CreateFile(string name)
        => FileErrors.NullIfAbsent(() => Open(PathOf(name), FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete));

    public override SafeFileHandle? OpenRoot() => null;

    public override int Read(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        try
        {
            return RandomAccess.Read(file, buffer, offset);
        }
        catch (Exception e) when (FileErrors.IsFileSystemError(e))
        {
            throw FileErrors.From(e);
        }
    }

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(file, bytes, offset);
        }
        catch (Exception e) when (FileErrors.IsFileSystemError(e))
        {
            throw FileErrors.From(e);
        }
    }

    public override void SetLength(SafeFileHandle file, long length) => FileErrors.Map(() => RandomAccess.SetLength(file, length));

    public override long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count) => 0;

    public override void Close(SafeFileHandle file) => file.Dispose();

    public override RenameResult Rename(string name, string newName, StoreMode mode)
    {
        var (from, to) = (PathOf(name), PathOf(newName));
        if (Directory.Exists(to)) return File.Exists(from) ? RenameResult.Taken : RenameResult.Absent;
        // Moving without replacing is atomic on Windows; elsewhere the framework checks first and then moves.
        if (mode == StoreMode.CreateNew && !OperatingSystem.IsWindows()) return MoveByLink(from, to);
        try
        {
            return FileErrors.RetryIfInUse(() =>
            {
                try
                {
                    File.Move(from, to, overwrite: mode == StoreMode.Overwrite);
                }
                catch (UnauthorizedAccessException) when (mode == StoreMode.Overwrite && OperatingSystem.IsWindows())
                {
                    // A reader may have the old value open.
                    if (!WindowsRename.TryReplace(from, to)) throw;
                }
                return RenameResult.Done;
            });
        }
        catch (Exception e) when (FileErrors.IsAbsent(e))
        {
            return RenameResult.Absent;
        }
        catch (IOException) when (mode == StoreMode.CreateNew && File.Exists(to))
        {
            return RenameResult.Taken;
        }
        catch (Exception e) when (FileErrors.IsFileSystemError(e))
        {
            throw FileErrors.From(e);
        }
    }

    public override bool Delete(string name)
    {
        var path = PathOf(name);
        // The framework does not report a missing file. A link to a directory is deleted like a file.
        return (File.Exists(path) || new FileInfo(path).LinkTarget is not null) && FileErrors.NullIfAbsent(() => FileErrors.RetryIfInUse(() =>
        {
            File.Delete(path);
            return "deleted";
        })) is not null;
    }

    public override MakeDirectoryResult MakeDirectory(string name)
    {
        var path = PathOf(name);
        if (Path.Exists(path)) return MakeDirectoryResult.Taken;
        if (!Directory.Exists(Path.GetDirectoryName(path))) return MakeDirectoryResult.ParentAbsent;
        FileErrors.Map(() => Directory.CreateDirectory(path));
        return MakeDirectoryResult.Done;
    }

    public override bool RemoveDirectory(string name)
    {
        var path = PathOf(name);
        return Directory.Exists(path) && FileErrors.NullIfAbsent(() =>
        {
            if (Directory.EnumerateFileSystemEntries(path).Any()) throw DirectoryNotEmpty();
            Directory.Delete(path);
            return "removed";
        }) is not null;
    }

    public override DirectoryReader? ReadDirectory(string name)
    {
        var path = PathOf(name);
        return Directory.Exists(path) ? FileErrors.NullIfAbsent(() => new PortableDirectory(path)) : null;
    }

    public override void Sync(SafeFileHandle file) => FileErrors.Map(() => RandomAccess.FlushToDisk(file));

    // The framework cannot open a directory. docs/durability.md describes the consequences.
    public override void SyncDirectory(string name)
    {
    }

    public override void SyncAll(SafeFileHandle root) => throw new NotSupportedException();

    // The same applies to names.
    public override void SyncNamed(string name)
    {
    }

    public override SafeFileHandle? OpenInternal(string name) => IsLink(PathOf(name)) ? null : OpenFile(name, out _);

    public override FileLock CreateLock(string name) => new PortableLock(PathOf(name));

    /// <summary>Returns whether a path is a link, even a dangling one.</summary>
    internal static bool IsLink(string path) => FileErrors.Map(() => new FileInfo(path).LinkTarget) is not null;

    /// <summary>Opens a file; a new one is accessible only to its owner.</summary>
    internal static SafeFileHandle Open(string path, FileMode mode, FileAccess access, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // The stream is not disposed: the returned handle owns the file.
        return new FileStream(path, options).SafeFileHandle;
    }

    private static FileStatus? ReadStatus(string path)
    {
        var info = new FileInfo(path);
        if (info.LinkTarget is not null && info.ResolveLinkTarget(returnFinalTarget: true) is { } target)
            info = new FileInfo(target.FullName);
        if ((int)info.Attributes == -1) return null;
        var isDirectory = info.Attributes.HasFlag(FileAttributes.Directory);
        return new FileStatus(isDirectory ? 0 : info.Length, isDirectory, info.LastAccessTimeUtc, info.LastWriteTimeUtc);
    }

    private static RenameResult MoveByLink(string from, string to)
    {
        while (true)
        {
            if (LinkFile(from, to) == 0) break;
            var errno = Marshal.GetLastPInvokeError();
            if (Errno.IsAbsent(errno)) return RenameResult.Absent;
            if (errno == Errno.Exists) return RenameResult.Taken;
            if (errno == Errno.Interrupted) continue;
            // The file system has no links, which each reports differently: only a prior check is left.
            return FileErrors.Map(() =>
            {
                if (File.Exists(to) || Directory.Exists(to)) return RenameResult.Taken;
                File.Move(from, to, overwrite: true);
                return RenameResult.Done;
            });
        }
        return FileErrors.Map(() =>
        {
            File.Delete(from);
            return RenameResult.Done;
        });
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkFile(string path, string newPath);

    private string PathOf(string name)
        => name.Contains('\0') ? throw new StoreException(StoreError.InvalidName, "the name contains a NUL character") : _root + name;
}
