using System.Text;
using BorgStore.Naming;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A mark beside the quota, there while processes change the store. One that is older than the last start of the machine
/// tells that the power was cut, and that the number may be older than the values.</summary>
/// <remarks>All calls are made under the lock of the quota.</remarks>
internal sealed class QuotaSession(FileCalls calls, string root) : IDisposable
{
    private const string FileName = "quota-session" + Suffixes.Hidden;
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    private static readonly string BootId = ReadBootId();

    private readonly string _path = root + "/" + FileName;
    private SafeFileHandle? _mark;

    public bool HasBegun => _mark is not null;

    /// <summary>Marks the store, before its first change.</summary>
    /// <returns>Whether the number can be trusted.</returns>
    public bool Begin()
    {
        if (HasBegun) return true;
        try
        {
            var found = Failures.Absent(() => File.ReadAllText(_path));
            // Where the start of the machine is not known, a mark without a living owner is enough to doubt.
            var isTrusted = found is null || (found.Length > 0 && found == BootId) || IsHeldByOthers();
            if (found is null || found != BootId) Write();
            _mark = Failures.Named(() => File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.Read));
            return isTrusted;
        }
        catch (FileFailure failure) when (failure.Error == StoreError.PermissionDenied)
        {
            // Who may not change the store needs no mark.
            return true;
        }
    }

    /// <summary>Removes the mark where nobody else is at work, after the number and the values are on the disk.</summary>
    /// <param name="number">The file with the number.</param>
    public void End(SafeFileHandle number)
    {
        Dispose();
        if (IsHeldByOthers()) return;
        using (var directory = calls.OpenRoot())
            if (directory is not null) calls.SyncAll(directory);
            else calls.Sync(number);
        calls.Delete(FileName);
    }

    public void Dispose()
    {
        _mark?.Dispose();
        _mark = null;
    }

    private bool IsHeldByOthers()
    {
        try
        {
            File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (IOException e) when (Failures.IsInUse(e))
        {
            return true;
        }
        catch (Exception e) when (Failures.IsOfFileSystem(e))
        {
            throw Failures.From(e);
        }
    }

    // The mark has to be on the disk before any change is.
    private void Write()
    {
        using (var file = Failures.Named(() => PortableCalls.Open(_path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite)))
        {
            Failures.Named(() =>
            {
                RandomAccess.Write(file, Encoding.ASCII.GetBytes(BootId), 0);
                RandomAccess.FlushToDisk(file);
            });
        }
        calls.SyncDirectory("");
    }

    // Nothing where the system has no such thing.
    private static string ReadBootId()
    {
        try
        {
            return OperatingSystem.IsLinux() ? File.ReadAllText(BootIdFile).Trim() : "";
        }
        catch (Exception e) when (Failures.IsOfFileSystem(e))
        {
            return "";
        }
    }
}
