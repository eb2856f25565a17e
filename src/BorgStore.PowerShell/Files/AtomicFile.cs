using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.PowerShell.Files;

/// <summary>Writes a file atomically: it appears complete or not at all.</summary>
internal static class AtomicFile
{
    private const int BufferSize = 256 * 1024;

    // Smaller files are written with few calls, which allocate the space anyway.
    private const long PreallocationThreshold = 1 << 20;

    /// <summary>Writes a stream to a file, creating missing folders.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="content">The content.</param>
    /// <param name="overwrite">Whether to replace an existing file.</param>
    /// <param name="cancellationToken">A token to cancel the operation; no file is left then.</param>
    public static async Task<FileInfo> WriteAsync(
        string path, Stream content, bool overwrite, CancellationToken cancellationToken)
    {
        // Checked first, so that a large value is not loaded in vain.
        if (IsTaken(path, overwrite)) throw Taken(path);
        var unfinished = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetRandomFileName()}.tmp");
        var size = content.Length;
        var file = Create(unfinished, size);
        try
        {
            using (file) await CopyAsync(content, file, (int)Math.Clamp(size, 1, BufferSize), cancellationToken);
            File.Move(unfinished, path, overwrite);
        }
        catch (Exception e)
        {
            File.Delete(unfinished);
            if (e is IOException or UnauthorizedAccessException && IsTaken(path, overwrite)) throw Taken(path);
            throw;
        }
        return new(path);
    }

    private static SafeFileHandle Create(string path, long size)
    {
        try
        {
            return Open();
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            // Usually the folder exists, so it is only created on failure. .NET throws FileNotFoundException if another writer creates the folder
            // after the failure but before .NET checks for its cause.
            var folder = Path.GetDirectoryName(path)!;
            LocalPath.CheckFolder(folder);
            Directory.CreateDirectory(folder);
            return Open();
        }

        SafeFileHandle Open() => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, preallocationSize: size >= PreallocationThreshold ? size : 0);
    }

    // Synchronous, because a write to the system's cache takes less time than handing it to another thread.
    private static async Task CopyAsync(Stream content, SafeFileHandle file, int bufferSize, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(bufferSize);
        try
        {
            long offset = 0;
            while (await content.ReadAsync(buffer, cancellationToken) is var read && read > 0)
            {
                RandomAccess.Write(file, buffer.AsSpan(0, read), offset);
                offset += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsTaken(string path, bool overwrite) => overwrite ? Directory.Exists(path) : Path.Exists(path);

    private static StoreException Taken(string path) => Directory.Exists(path)
        ? new(StoreError.InvalidArgument, $"'{path}' is a folder, but a value is written to a file. Specify the path of a file.", path)
        : new(StoreError.ObjectAlreadyExists, $"The file '{path}' already exists and was not replaced. Use -Force to replace it.", path);
}
