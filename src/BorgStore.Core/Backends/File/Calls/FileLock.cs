using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A file that is locked while it is read and written. It excludes other processes, but not other threads of this one.</summary>
internal abstract class FileLock : IDisposable
{
    /// <summary>Waits for the lock; creates the file if it does not exist.</summary>
    /// <returns>The file that currently has the name, open for reading and writing until the lock is released.</returns>
    public abstract SafeFileHandle Acquire();

    public abstract void Release();

    public abstract void Dispose();
}
