namespace BorgStore;

/// <summary>Replaces local files so that each has either its old content or the new one, also after a power failure.</summary>
internal static class ReplacedFile
{
    /// <summary>Writes a file, which need not exist yet. If that fails, the old one stays.</summary>
    /// <param name="path">The full path.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="mode">The permissions of the new file; those of the umask by default. Not for Windows.</param>
    public static void Write(string path, Action<Stream> write, UnixFileMode? mode = null)
    {
        var unfinished = Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{Path.GetRandomFileName()}.tmp");
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (mode is { } wanted && !OperatingSystem.IsWindows()) options.UnixCreateMode = wanted;
            using (var file = new FileStream(unfinished, options))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }
            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            if (File.Exists(unfinished)) File.Delete(unfinished);
            throw;
        }
    }
}
