namespace BorgStore.Backends.Files.Linux;

/// <summary>Decides whether <c>syncfs</c> makes a store durable.</summary>
/// <remarks>Trusts only file systems that are known to write everything, to flush the disk's cache, and to report failures. Not
/// trusted are: all of FUSE, whose programs don't get the call; CIFS and 9p, whose servers don't get it, and NFS, whose servers
/// may not; vfat and exFAT, which don't flush the disk's cache; overlays, because the file system below is not visible; and all
/// others that were not examined. On these, files are synced one at a time, which is slower but always correct.</remarks>
internal static class SyncFsSupport
{
    // From linux/magic.h, and from the sources of file systems outside the kernel.
    private static readonly HashSet<uint> Trusted =
    [
        0x0000EF53, // ext2, ext3, ext4
        0x58465342, // XFS
        0x9123683E, // Btrfs
        0xF2F52010, // F2FS
        0xCA451A4E, // bcachefs
        0x2FC12FC1, // ZFS, which commits its intent log
        0x01021994, // tmpfs, which has no disk
    ];

    // Before, syncfs did not report write failures.
    private static readonly bool KernelReportsFailures = Environment.OSVersion.Version >= new Version(5, 8);

    /// <summary>Returns whether the whole store is on one file system that <c>syncfs</c> makes durable.</summary>
    public static bool SyncsAll(LinuxFileSystem fileSystem)
    {
        return KernelReportsFailures && Trusted.Contains(fileSystem.GetFileSystemType()) && IsOne(fileSystem);
    }

    /// <summary>Returns whether the whole store is on one file system.</summary>
    public static bool IsOne(LinuxFileSystem fileSystem)
    {
        // A namespace may be on another disk, behind a mount or a link.
        using var root = fileSystem.ReadDirectory("");
        var device = fileSystem.GetIdentity("")?.Device;
        return root is null || root.Entries.Where(entry => entry.Kind != EntryKind.File)
            .All(entry => fileSystem.GetIdentity(entry.Name) is not { } found || found.Device == device);
    }
}
