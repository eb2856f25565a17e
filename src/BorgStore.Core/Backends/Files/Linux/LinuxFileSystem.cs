using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Linux;

/// <summary>File system calls by Linux system calls, one for each operation.</summary>
/// <param name="root">The absolute path of the store.</param>
[SkipLocalsInit]
internal sealed unsafe class LinuxFileSystem(string root) : FileSystem
{
    private const int OwnerReadWrite = 0x180; // 0600
    private const int DirectoryMode = 0x1FF; // 0777, reduced by the umask

    private readonly byte[] _root = Encoding.UTF8.GetBytes(root + "/");

    // Some file systems, such as some of FUSE and NFS, cannot rename without replacing.
    private volatile bool _cannotKeep;

    // Whether syncfs can be trusted, once known.
    private volatile bool _isSyncsAllKnown;
    private volatile bool _syncsAll;

    // Whether change times can be trusted, once known.
    private volatile bool _isDatesRenamesKnown;
    private volatile bool _datesRenames;

    /// <summary>Whether this is Linux on an architecture whose constants are known.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64
        && SupportsStatx();

    public override bool SyncsAll
    {
        get
        {
            if (_isSyncsAllKnown) return _syncsAll;
            _syncsAll = SyncFsSupport.SyncsAll(this);
            _isSyncsAllKnown = true;
            return _syncsAll;
        }
    }

    public override bool DatesRenames
    {
        get
        {
            if (_isDatesRenamesKnown) return _datesRenames;
            _datesRenames = ChangeTimeSupport.DatesRenames(this);
            _isDatesRenamesKnown = true;
            return _datesRenames;
        }
    }

    public override FileStatus? GetStatus(string name) => TryGetStatus(name, out var status) ? status.ToStatus() : null;

    public override SafeFileHandle? OpenFile(string name, out FileStatus status)
    {
        status = default;
        if (OpenFile(name) is not { } file) return null;
        LibC.StatusBuffer buffer;
        byte empty = 0;
        if (LibC.Status((int)file.DangerousGetHandle(), &empty, LibC.AtEmptyPath, &buffer) != 0)
        {
            var failure = Errno.LastFailure();
            file.Dispose();
            throw failure;
        }
        status = buffer.ToStatus();
        if (buffer.IsRegularFile) return file;
        file.Dispose();
        return null;
    }

    // Non-blocking, so that a pipe that someone placed there does not make the call wait for a writer.
    public override SafeFileHandle? OpenFile(string name) => TryOpen(name, LibC.OpenReadOnly | LibC.OpenNonBlocking);

    public override SafeFileHandle? OpenInternal(string name)
        => TryGetStatus(name, out var status, LibC.AtNoFollow) && status.IsRegularFile
            ? TryOpen(name, LibC.OpenReadOnly | LibC.OpenNoFollow | LibC.OpenNonBlocking)
            : null;

    public override SafeFileHandle? CreateFile(string name)
        => TryOpen(name, LibC.OpenWriteOnly | LibC.OpenCreate | LibC.OpenExclusive);

    public override SafeFileHandle? OpenRoot() => TryOpen("", LibC.OpenReadOnly | LibC.OpenDirectory);

    public override int Read(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        fixed (byte* bytes = buffer)
            while (true)
            {
                var read = LibC.Read(file, bytes, buffer.Length, offset);
                if (read >= 0) return (int)read;
                if (Marshal.GetLastPInvokeError() != Errno.Interrupted) throw Errno.LastFailure();
            }
    }

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            nint written;
            fixed (byte* first = bytes) written = LibC.Write(file, first, bytes.Length, offset);
            if (written < 0)
            {
                if (Marshal.GetLastPInvokeError() == Errno.Interrupted) continue;
                throw Errno.LastFailure();
            }
            bytes = bytes[(int)written..];
            offset += written;
        }
    }

    public override void SetLength(SafeFileHandle file, long length)
    {
        if (LibC.Truncate(file, length) != 0) throw Errno.LastFailure();
    }

    public override long Copy(SafeFileHandle source, long offset, SafeFileHandle target, long targetOffset, long count)
    {
        var copied = LibC.CopyRange(
            (int)source.DangerousGetHandle(), &offset, (int)target.DangerousGetHandle(), &targetOffset, (nint)count);
        if (copied >= 0) return copied;
        return Marshal.GetLastPInvokeError() is Errno.CrossDevice or Errno.InvalidArgument or Errno.NotImplemented
            or Errno.NotSupported or Errno.NotPermitted ? 0 : throw Errno.LastFailure();
    }

    public override void Close(SafeFileHandle file)
    {
        var descriptor = (int)file.DangerousGetHandle();
        file.SetHandleAsInvalid();
        // Linux closes the descriptor even if the call is interrupted.
        if (LibC.Close(descriptor) != 0 && Marshal.GetLastPInvokeError() != Errno.Interrupted) throw Errno.LastFailure();
    }

    public override RenameResult Rename(string name, string newName, StoreMode mode)
    {
        using var oldPath = new NativePath(_root, name, stackalloc byte[NativePath.StackSize]);
        using var newPath = new NativePath(_root, newName, stackalloc byte[NativePath.StackSize]);
        fixed (byte* from = oldPath, to = newPath)
        {
            if (mode == StoreMode.Overwrite) return RenameResultOf(LibC.Rename(from, to));
            if (!_cannotKeep)
            {
                var result = LibC.RenameWithFlags(from, to, LibC.RenameNoReplace);
                if (result == 0 || Marshal.GetLastPInvokeError() is not (Errno.InvalidArgument or Errno.NotImplemented or Errno.NotSupported))
                    return RenameResultOf(result);
                _cannotKeep = true;
            }
            return RenameByLink(from, to, newName);
        }
    }

    public override bool Delete(string name)
    {
        using var path = new NativePath(_root, name, stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
            if (LibC.Unlink(bytes) == 0) return true;
        var errno = Marshal.GetLastPInvokeError();
        return Errno.IsAbsent(errno) || errno == Errno.IsDirectory ? false : throw Errno.LastFailure();
    }

    public override MakeDirectoryResult MakeDirectory(string name)
    {
        using var path = new NativePath(_root, name, stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
            if (LibC.MakeDirectory(bytes, DirectoryMode) == 0) return MakeDirectoryResult.Done;
        return Marshal.GetLastPInvokeError() switch
        {
            Errno.Exists => MakeDirectoryResult.Taken,
            Errno.NoEntry or Errno.NotDirectory => MakeDirectoryResult.ParentAbsent,
            var errno => throw Errno.Failure(errno),
        };
    }

    public override bool RemoveDirectory(string name)
    {
        using var path = new NativePath(_root, name, stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
            if (LibC.RemoveDirectory(bytes) == 0) return true;
        return Marshal.GetLastPInvokeError() switch
        {
            Errno.NoEntry or Errno.NotDirectory => false,
            Errno.DirectoryNotEmpty or Errno.Exists => throw DirectoryNotEmpty(),
            var errno => throw Errno.Failure(errno),
        };
    }

    public override DirectoryReader? ReadDirectory(string name)
        => TryOpen(name, LibC.OpenReadOnly | LibC.OpenDirectory) is { } directory ? new LinuxDirectory(directory) : null;

    public override void Sync(SafeFileHandle file)
    {
        while (LibC.SyncData(file) != 0)
            if (Marshal.GetLastPInvokeError() != Errno.Interrupted) throw Errno.LastFailure();
    }

    public override void SyncDirectory(string name) => SyncNamed(name, LibC.OpenReadOnly | LibC.OpenDirectory);

    public override void SyncAll(SafeFileHandle root)
    {
        while (LibC.SyncFileSystem(root) != 0)
            if (Marshal.GetLastPInvokeError() != Errno.Interrupted) throw Errno.LastFailure();
    }

    public override void SyncNamed(string name) => SyncNamed(name, LibC.OpenReadOnly | LibC.OpenNonBlocking);

    public override FileLock CreateLock(string name) => new LinuxLock(this, name);

    /// <summary>Opens a file for <see cref="LinuxLock"/>.</summary>
    public SafeFileHandle OpenOrCreate(string name, out (ulong Device, ulong Inode) identity)
    {
        // A link or pipe was not made by us. It is deleted, so that a link's target is never written to.
        if (TryGetStatus(name, out var found, LibC.AtNoFollow) && !found.IsRegularFile) Delete(name);
        var file = TryOpen(name, LibC.OpenReadWrite | LibC.OpenCreate | LibC.OpenNoFollow | LibC.OpenNonBlocking)
            ?? throw Errno.Failure(Errno.NoEntry);
        LibC.StatusBuffer status;
        byte empty = 0;
        identity = LibC.Status((int)file.DangerousGetHandle(), &empty, LibC.AtEmptyPath, &status) == 0
            ? (status.Device, status.Inode)
            : throw Errno.LastFailure();
        return file;
    }

    /// <summary>Returns the identity of the file under a name.</summary>
    public (ulong Device, ulong Inode)? GetIdentity(string name)
        => TryGetStatus(name, out var status) ? (status.Device, status.Inode) : null;

    /// <summary>Returns the type of the store's file system as reported by <c>statfs</c>; 0 if it is unknown.</summary>
    public uint GetFileSystemType()
    {
        // struct statfs has 120 bytes.
        var buffer = stackalloc nint[32];
        using var path = new NativePath(_root, "", stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
            return LibC.FileSystemStatus(bytes, buffer) == 0 ? (uint)buffer[0] : 0;
    }

    private static bool SupportsStatx()
    {
        LibC.StatusBuffer status;
        fixed (byte* path = "/\0"u8)
            return LibC.Status(LibC.AtCurrentDirectory, path, 0, &status) == 0;
    }

    private static RenameResult RenameResultOf(int result)
    {
        if (result == 0) return RenameResult.Done;
        return Marshal.GetLastPInvokeError() switch
        {
            Errno.NoEntry or Errno.NotDirectory => RenameResult.Absent,
            Errno.Exists or Errno.IsDirectory or Errno.DirectoryNotEmpty => RenameResult.Taken,
            var errno => throw Errno.Failure(errno),
        };
    }

    // Both names exist for a moment, or longer after a crash. That is harmless, because either shows the whole value.
    private RenameResult RenameByLink(byte* from, byte* to, string newName)
    {
        var result = LibC.Link(from, to);
        if (result == 0) return RenameResultOf(LibC.Unlink(from));
        if (Marshal.GetLastPInvokeError() is var errno && (errno is Errno.Exists or Errno.IsDirectory || Errno.IsAbsent(errno))) return RenameResultOf(result);

        // Neither kind of rename is supported, which each file system reports differently, FUSE with EIO: only
        // a prior check is left. If the link failed for another reason, the rename will fail and report it.
        return GetStatus(newName) is null ? RenameResultOf(LibC.Rename(from, to)) : RenameResult.Taken;
    }

    /// <summary>Gets the status of a name; links are followed unless the flags say otherwise.</summary>
    internal bool TryGetStatus(string name, out LibC.StatusBuffer status, int flags = 0)
    {
        using var path = new NativePath(_root, name, stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
        fixed (LibC.StatusBuffer* buffer = &status)
            if (LibC.Status(LibC.AtCurrentDirectory, bytes, flags, buffer) == 0) return true;
        return Errno.IsAbsent(Marshal.GetLastPInvokeError()) ? false : throw Errno.LastFailure();
    }

    private void SyncNamed(string name, int flags)
    {
        using var file = TryOpen(name, flags);
        if (file is null) return;
        while (LibC.Sync((int)file.DangerousGetHandle()) != 0)
            switch (Marshal.GetLastPInvokeError())
            {
                case Errno.Interrupted: continue;
                // The file system has nothing to write for a directory.
                case Errno.InvalidArgument: return;
                default: throw Errno.LastFailure();
            }
    }

    private SafeFileHandle? TryOpen(string name, int flags)
    {
        using var path = new NativePath(_root, name, stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
            while (true)
            {
                var descriptor = LibC.Open(bytes, flags | LibC.OpenCloseOnExec, OwnerReadWrite);
                if (descriptor >= 0) return new SafeFileHandle(descriptor, ownsHandle: true);
                var errno = Marshal.GetLastPInvokeError();
                if (Errno.IsAbsent(errno)) return null;
                if (errno != Errno.Interrupted) throw Errno.Failure(errno);
            }
    }
}
