using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Commands;

/// <summary>Writes a file so that it appears whole or not at all.</summary>
internal static class WholeFile
{
    private const int BufferSize = 256 * 1024;

    // What is smaller is written at once, and finds its place on the disk then.
    private const long WorthPreallocating = 1 << 20;

    /// <summary>Writes a stream to a file; missing folders are made.</summary>
    /// <param name="path">The whole path.</param>
    /// <param name="content">What to write.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <param name="cancellationToken">Ends the work; there is no file then.</param>
    public static async Task<FileInfo> WriteAsync(
        string path, Stream content, bool overwrite, CancellationToken cancellationToken)
    {
        // Before a large value is loaded for nothing.
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
            // Most files come into a folder that is there already. Which of the two it is depends on whether another file's
            // writer makes the folder between the refusal and the look of .NET at why it was refused.
            var folder = Path.GetDirectoryName(path)!;
            LocalPath.CheckFolder(folder);
            Directory.CreateDirectory(folder);
            return Open();
        }

        SafeFileHandle Open() => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, preallocationSize: size >= WorthPreallocating ? size : 0);
    }

    // Written synchronously, since a write into the cache of the system takes less than a thread to hand it to.
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
        ? new(StoreError.InvalidArgument, $"'{path}' is a folder, and a value is written to a file.", path)
        : new(StoreError.ObjectAlreadyExists, $"The file '{path}' exists already and was not replaced. -Force replaces it.", path);
}
