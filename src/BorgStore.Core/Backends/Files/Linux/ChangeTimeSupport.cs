namespace BorgStore.Backends.Files.Linux;

/// <summary>Decides whether the change time of a file tells when it was renamed, and so when an item was soft-deleted.</summary>
/// <remarks>POSIX leaves that to the file system. One that does not change the time would let an item look as if it had been deleted long
/// ago, so only those are trusted that are known to do it. Not trusted are: all of FUSE, whose programs decide; vfat and exFAT; and CIFS.</remarks>
internal static class ChangeTimeSupport
{
    // From linux/magic.h, and from the sources of file systems outside the kernel.
    private static readonly HashSet<uint> Trusted =
    [
        0x0000EF53, // ext2, ext3, ext4
        0x58465342, // XFS
        0x9123683E, // Btrfs
        0xF2F52010, // F2FS
        0xCA451A4E, // bcachefs
        0x2FC12FC1, // ZFS
        0x01021994, // tmpfs
        0x794C7630, // overlays, whose upper file system is one of those that support them: ext4, XFS, Btrfs, tmpfs
        0x00006969, // NFS, whose servers keep the times of their own file systems
    ];

    /// <summary>Returns whether the whole store is on one file system that changes the time.</summary>
    public static bool DatesRenames(LinuxFileSystem fileSystem) => Trusted.Contains(fileSystem.GetFileSystemType()) && SyncFsSupport.IsOne(fileSystem);
}
