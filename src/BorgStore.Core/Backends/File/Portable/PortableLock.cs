using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A lock by opening a file for oneself alone. On Unix the framework does so by <c>flock</c>, as others there do.</summary>
internal sealed class PortableLock(string path) : FileLock
{
    private const int LongestWait = 16;

    private SafeFileHandle? _file;

    public override SafeFileHandle Acquire()
    {
        for (var wait = 1; ; wait = Math.Min(wait * 2, LongestWait))
        {
            if (TryOpen() is { } file)
            {
                if (IsCurrent(file)) return _file = file;
                file.Dispose();
            }
            // The caller's own thread waits, and nobody tells it when the other is done.
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
            // A link is none of ours, and what it leads to must not be written.
            if (PortableCalls.IsLink(path)) File.Delete(path);
            return PortableCalls.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (Failures.IsInUse(e))
        {
            return null;
        }
        catch (Exception e) when (Failures.IsOfFileSystem(e))
        {
            throw Failures.From(e);
        }
    }

    // Elsewhere than on Windows another may have been put in its place between opening and locking.
    private bool IsCurrent(SafeFileHandle file) => OperatingSystem.IsWindows()
        || (Failures.Named(() => File.GetLastWriteTimeUtc(file)) == File.GetLastWriteTimeUtc(path)
            && Failures.Named(() => RandomAccess.GetLength(file)) == Failures.Absent(() => (long?)new FileInfo(path).Length));
}
