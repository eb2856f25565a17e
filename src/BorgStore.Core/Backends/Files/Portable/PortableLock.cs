using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Portable;

/// <summary>A lock by opening a file exclusively. On Unix the framework uses <c>flock</c> for that, like other programs.</summary>
internal sealed class PortableLock(string path) : FileLock
{
    private const int MaxWait = 16;

    private SafeFileHandle? _file;

    public override SafeFileHandle Acquire()
    {
        for (var wait = 1; ; wait = Math.Min(wait * 2, MaxWait))
        {
            if (TryOpen() is { } file)
            {
                if (IsCurrent(file)) return _file = file;
                file.Dispose();
            }
            // There is no notification of the release, so the caller's thread polls.
            Thread.Sleep(wait);
        }
    }

    public override void Release() => Dispose();

    public override void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private SafeFileHandle? TryOpen()
    {
        try
        {
            // A link was not made by us, and its target must not be written to.
            if (PortableFileSystem.IsLink(path)) File.Delete(path);
            return PortableFileSystem.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (FileErrors.IsInUse(e))
        {
            return null;
        }
        catch (Exception e) when (FileErrors.IsFileSystemError(e))
        {
            throw FileErrors.From(e);
        }
    }

    // On Unix another file may have been put in its place between opening and locking.
    private bool IsCurrent(SafeFileHandle file) => OperatingSystem.IsWindows()
        || (FileErrors.Map(() => File.GetLastWriteTimeUtc(file)) == File.GetLastWriteTimeUtc(path)
            && FileErrors.Map(() => RandomAccess.GetLength(file)) == FileErrors.NullIfAbsent(() => (long?)new FileInfo(path).Length));
}
