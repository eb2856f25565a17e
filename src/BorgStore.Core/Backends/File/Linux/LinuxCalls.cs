using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>The system calls of Linux, one for each thing that is asked.</summary>
/// <param name="root">The absolute path of the store.</param>
[SkipLocalsInit]
internal sealed unsafe class LinuxCalls(string root) : FileCalls
{
    private const int OwnerReadWrite = 0x180; // 0600
    private const int DirectoryMode = 0x1FF; // 0777, of which the umask takes away

    private readonly byte[] _root = Encoding.UTF8.GetBytes(root + "/");

    // File systems such as some of FUSE and NFS cannot refuse to replace.
    private volatile bool _cannotKeep;

    // Whether syncfs can be trusted, once that was found out.
    private volatile bool _knowsSyncsAll;
    private volatile bool _syncsAll;

    /// <summary>Whether this is a Linux whose numbers are known here.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64
        && KnowsStatus();

    public override bool SyncsAll
    {
        get
        {
            if (_knowsSyncsAll) return _syncsAll;
            _syncsAll = LinuxFileSystem.SyncsAll(this);
            _knowsSyncsAll = true;
            return _syncsAll;
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

    // Not to wait for a writer where a foreign hand put a pipe.
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
        // It is closed even where it was interrupted.
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
        // A link or pipe is none of ours. It gives way, and what a link leads to is never written.
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

    /// <summary>Tells which file is under a name.</summary>
    public (ulong Device, ulong Inode)? GetIdentity(string name)
        => TryGetStatus(name, out var status) ? (status.Device, status.Inode) : null;

    /// <summary>Returns the type of the file system that holds the store, as <c>statfs</c> gives it; 0 if it is unknown.</summary>
    public uint GetFileSystemType()
    {
        // struct statfs has 120 bytes.
        var buffer = stackalloc nint[32];
        using var path = new NativePath(_root, "", stackalloc byte[NativePath.StackSize]);
        fixed (byte* bytes = path)
            return LibC.FileSystemStatus(bytes, buffer) == 0 ? (uint)buffer[0] : 0;
    }

    private static bool KnowsStatus()
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

    // Both names are there for a moment, which a crash may prolong: harmless, since either shows the whole value.
    private RenameResult RenameByLink(byte* from, byte* to, string newName)
    {
        var result = LibC.Link(from, to);
        if (result == 0) return RenameResultOf(LibC.Unlink(from));
        if (Marshal.GetLastPInvokeError() is var errno && (errno is Errno.Exists or Errno.IsDirectory || Errno.IsAbsent(errno))) return RenameResultOf(result);

        // Neither the one nor the other, which each file system says in its own way, FUSE by EIO: a look before is all that is left. Where
        // the link failed for another reason, so does the renaming, and says it.
        return GetStatus(newName) is null ? RenameResultOf(LibC.Rename(from, to)) : RenameResult.Taken;
    }

    /// <summary>Gets the status of what is under a name; a link is followed unless the flags say otherwise.</summary>
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
                // A file system that has nothing to bring to a disk for a directory says so.
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
