namespace BorgStore.Backends.Files;

/// <summary>Decides whether <c>syncfs</c> brings a store to the disk.</summary>
/// <remarks>Only file systems are trusted that are known to write everything, to flush the cache of the disk, and to report what
/// failed. Not so: all of FUSE, whose programs are not told; CIFS and 9p, whose servers are not told, and NFS, which need not;
/// vfat and exFAT, which leave the disk's cache alone; overlays, since what they write to is not visible; and what nobody has
/// looked at. There files are synced one by one, which is slower and always right.</remarks>
internal static class LinuxFileSystem
{
    // From linux/magic.h, and the sources of those that are not part of Linux.
    private static readonly HashSet<uint> Trusted =
    [
        0x0000EF53, // ext2, ext3, ext4
        0x58465342, // XFS
        0x9123683E, // Btrfs
        0xF2F52010, // F2FS
        0xCA451A4E, // bcachefs
        0x2FC12FC1, // ZFS, which commits its intent log
        0x01021994, // tmpfs, which has nothing to bring to a disk
    ];

    // Before, syncfs reported nothing of what could not be written.
    private static readonly bool KernelReportsFailures = Environment.OSVersion.Version >= new Version(5, 8);

    /// <summary>Returns whether all of a store is on one file system that <c>syncfs</c> brings to the disk.</summary>
    public static bool SyncsAll(LinuxCalls calls)
    {
        if (!KernelReportsFailures || !Trusted.Contains(calls.GetFileSystemType())) return false;
        // A namespace may lie on another disk, behind a mount or a link.
        using var root = calls.ReadDirectory("");
        var device = calls.GetIdentity("")?.Device;
        return root is null || root.Entries.Where(entry => entry.Kind != EntryKind.File)
            .All(entry => calls.GetIdentity(entry.Name) is not { } found || found.Device == device);
    }
}
