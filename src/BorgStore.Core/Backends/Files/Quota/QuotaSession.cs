using BorgStore.Backends.Files.Portable;
using BorgStore.Naming;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Quota;

/// <summary>A mark beside the quota that exists while processes change the store. A mark from an earlier
/// boot shows that the power was cut, so that the number may be older than the values.</summary>
/// <remarks>All calls are made under the lock of the quota. A mark is an empty file, because the Python package
/// includes every file except the number when it counts the values; so its name contains the boot ID.</remarks>
internal sealed class QuotaSession(FileSystem fileSystem, string root) : IDisposable
{
    private const string Prefix = "quota-session";
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    private static readonly string BootId = ReadBootId();

    private SafeFileHandle? _mark;

    /// <summary>The name of a mark of the current boot.</summary>
    public static string FileName { get; } = $"{Prefix}{(BootId.Length > 0 ? "-" : "")}{BootId}{Suffixes.Hidden}";

    public bool HasBegun => _mark is not null;

    /// <summary>Marks the store before its first change.</summary>
    /// <returns>Whether the number can be trusted.</returns>
    public bool Begin()
    {
        if (HasBegun) return true;
        try
        {
            var marks = FindMarks();
            // If the boot ID is not available, a mark without a living owner is enough for doubt.
            var isTrusted = marks.TrueForAll(mark => (mark == FileName && BootId.Length > 0) || IsHeldByOthers(mark));
            if (!marks.Contains(FileName)) Write();
            _mark = FileErrors.Map(() => File.OpenHandle(PathOf(FileName), FileMode.Open, FileAccess.Read, FileShare.Read));
            return isTrusted;
        }
        catch (StoreException failure) when (failure.Error == StoreError.PermissionDenied)
        {
            // A user who cannot change the store needs no mark.
            return true;
        }
    }

    /// <summary>Removes the marks of earlier boots after the values were counted again.</summary>
    public void ForgetEarlier()
    {
        if (!HasBegun) return;
        foreach (var mark in FindMarks())
            if (mark != FileName && !IsHeldByOthers(mark)) fileSystem.Delete(mark);
    }

    /// <summary>Removes the mark if nobody else is working on the store, after the number and the values are on disk.</summary>
    /// <param name="number">The file that contains the number.</param>
    public void End(SafeFileHandle number)
    {
        Dispose();
        if (IsHeldByOthers(FileName)) return;
        if (!fileSystem.SyncsAll)
        {
            fileSystem.Sync(number);
            // Values that others wrote without durability cannot be synced here, so the mark stays and the next boot counts.
            if (BootId.Length > 0) return;
        }
        else
        {
            using var directory = fileSystem.OpenRoot();
            if (directory is not null) fileSystem.SyncAll(directory);
        }
        fileSystem.Delete(FileName);
    }

    public void Dispose()
    {
        _mark?.Dispose();
        _mark = null;
    }

    private string PathOf(string mark) => root + "/" + mark;

    private List<string> FindMarks()
    {
        using var directory = fileSystem.ReadDirectory("");
        return [.. (directory?.Entries ?? []).Select(entry => entry.Name).Where(name
            => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffixes.Hidden, StringComparison.Ordinal)
                && !RemovedForeign(name))];
    }

    // A mark is always a regular file. Anything else under its name is removed: the target of a link must not be opened, and opening a pipe
    // would wait for a writer.
    private bool RemovedForeign(string mark)
    {
        using var file = fileSystem.OpenInternal(mark);
        return file is null && fileSystem.Delete(mark);
    }

    private bool IsHeldByOthers(string mark)
    {
        try
        {
            File.OpenHandle(PathOf(mark), FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (IOException e) when (FileErrors.IsInUse(e))
        {
            return true;
        }
        catch (Exception e) when (FileErrors.IsFileSystemError(e))
        {
            throw FileErrors.From(e);
        }
    }

    // The mark must be on disk before any change is.
    private void Write()
    {
        using (var file = fileSystem.CreateFile(FileName))
            if (file is not null) fileSystem.Sync(file);
        if (!fileSystem.SyncsAll) fileSystem.SyncNamed(FileName);
        fileSystem.SyncDirectory("");
    }

    // Returns an empty string if the system has no boot ID.
    private static string ReadBootId()
    {
        try
        {
            return OperatingSystem.IsLinux() ? File.ReadAllText(BootIdFile).Trim() : "";
        }
        catch (Exception e) when (FileErrors.IsFileSystemError(e))
        {
            return "";
        }
    }
}
