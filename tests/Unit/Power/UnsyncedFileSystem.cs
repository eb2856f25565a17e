using BorgStore.Backends.Files;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Tests.Power;

/// <summary>A file system of which a test replaces or leaves out syncs.</summary>
internal sealed class UnsyncedFileSystem(FileSystem inner) : DelegatingFileSystem(inner)
{
    /// <summary>Replaces the sync of the whole file system, which is then trusted.</summary>
    public Action? SyncingAll { get; init; }

    public bool LeavesOutFiles { get; init; }

    public bool LeavesOutDirectories { get; init; }

    public override bool SyncsAll => SyncingAll is not null || Inner.SyncsAll;

    public override void Sync(SafeFileHandle file)
    {
        if (!LeavesOutFiles) Inner.Sync(file);
    }

    public override void SyncDirectory(string name)
    {
        if (!LeavesOutDirectories) Inner.SyncDirectory(name);
    }

    public override void SyncAll(SafeFileHandle root)
    {
        if (SyncingAll is { } sync) sync();
        else Inner.SyncAll(root);
    }

    public override void SyncNamed(string name)
    {
        if (!LeavesOutFiles) Inner.SyncNamed(name);
    }
}
