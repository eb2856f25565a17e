namespace BorgStore.Commands;

/// <summary>Writes a file so that it appears whole or not at all.</summary>
internal static class WholeFile
{
    private const int BufferSize = 256 * 1024;

    /// <summary>Writes a stream to a file; missing folders are made.</summary>
    /// <param name="path">The whole path.</param>
    /// <param name="content">What to write.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <param name="cancellationToken">Ends the work; there is no file then.</param>
    public static async Task<FileInfo> WriteAsync(
        string path, Stream content, bool overwrite, CancellationToken cancellationToken)
    {
        var folder = Path.GetDirectoryName(path)!;
        LocalPath.CheckFolder(folder);
        Directory.CreateDirectory(folder);
        if (Directory.Exists(path) || (!overwrite && File.Exists(path))) throw Taken(path);
        var unfinished = Path.Combine(folder, $".{Path.GetRandomFileName()}.tmp");
        try
        {
            var file = new FileStream(unfinished, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, PreallocationSize = content.Length,
                Options = FileOptions.Asynchronous,
            });
            await using (file) await content.CopyToAsync(file, BufferSize, cancellationToken);
            File.Move(unfinished, path, overwrite);
        }
        catch (IOException) when (!overwrite && File.Exists(path))
        {
            File.Delete(unfinished);
            throw Taken(path);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
        return new(path);
    }

    private static StoreException Taken(string path) => Directory.Exists(path)
        ? new(StoreError.InvalidArgument, $"'{path}' is a folder, and a value is written to a file.", path)
        : new(StoreError.ObjectAlreadyExists, $"The file '{path}' exists already and was not replaced. -Force replaces it.", path);
}
