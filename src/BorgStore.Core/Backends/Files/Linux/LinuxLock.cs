using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Linux;

/// <summary>A <c>flock</c> lock on a file that others may replace by renaming.</summary>
internal sealed class LinuxLock(LinuxFileSystem fileSystem, string name) : FileLock
{
    private SafeFileHandle? _file;
    private (ulong Device, ulong Inode) _identity;

    public override SafeFileHandle Acquire()
    {
        while (true)
        {
            _file ??= fileSystem.OpenOrCreate(name, out _identity);
            while (LibC.Lock(_file, LibC.LockExclusive) != 0)
                if (Marshal.GetLastPInvokeError() != Errno.Interrupted) throw Errno.LastFailure();

            // The previous holder of the lock may have replaced the file.
            if (fileSystem.GetIdentity(name) == _identity) return _file;
            Dispose();
        }
    }

    public override void Release()
    {
        if (_file is not null) _ = LibC.Lock(_file, LibC.LockRelease);
    }

    public override void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }
}
