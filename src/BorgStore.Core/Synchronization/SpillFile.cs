namespace BorgStore.Synchronization;

/// <summary>Temporary files for what does not fit into memory. They are gone when they are closed.</summary>
internal static class SpillFile
{
    /// <summary>Creates an empty file.</summary>
    public static FileStream Create()
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            Options = FileOptions.DeleteOnClose,
            BufferSize = 1 << 16,
        };
        // Only this user may read the names.
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new(Path.Combine(Path.GetTempPath(), $"borgstore-{Path.GetRandomFileName()}"), options);
    }
}
