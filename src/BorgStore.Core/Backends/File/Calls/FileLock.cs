using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A file that is locked while it is read and written. Waits for other processes, not for other threads of this one.</summary>
internal abstract class FileLock : IDisposable
{
    /// <summary>Waits for the lock; makes the file where it is missing.</summary>
    /// <returns>The file, open for reading and writing until the lock is released, which is the file under the name at that time.</returns>
    public abstract SafeFileHandle Acquire();

    public abstract void Release();

    public abstract void Dispose();
}
