using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Linux;

/// <summary>The C library functions in use, and the constants of the Linux ABI for x64 and arm64.</summary>
/// <remarks>Functions that only newer C libraries wrap are called by <c>syscall</c>, so that old glibc and musl work too.</remarks>
internal static unsafe partial class LibC
{
    public const int AtCurrentDirectory = -100;
    public const int AtNoFollow = 0x100;
    public const int AtEmptyPath = 0x1000;

    public const int OpenReadOnly = 0;
    public const int OpenWriteOnly = 1;
    public const int OpenReadWrite = 2;
    public const int OpenCreate = 0x40;
    public const int OpenExclusive = 0x80;
    public const int OpenNonBlocking = 0x800;
    public const int OpenCloseOnExec = 0x80000;

    public const int RenameNoReplace = 1;
    public const int LockExclusive = 2;
    public const int LockRelease = 8;

    private static readonly bool IsArm64 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static int OpenNoFollow { get; } = IsArm64 ? 0x8000 : 0x20000;

    public static int OpenDirectory { get; } = IsArm64 ? 0x4000 : 0x10000;

    private static nint StatxNumber { get; } = IsArm64 ? 291 : 332;

    private static nint DirectoryEntriesNumber { get; } = IsArm64 ? 61 : 217;

    private static nint RenameNumber { get; } = IsArm64 ? 276 : 316;

    private static nint CopyRangeNumber { get; } = IsArm64 ? 285 : 326;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    public static partial int Open(byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(SafeFileHandle file, byte* buffer, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint Write(SafeFileHandle file, byte* buffer, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(SafeFileHandle file, long length);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true)]
    public static partial int Rename(byte* path, byte* newPath);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true)]
    public static partial int Link(byte* path, byte* newPath);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true)]
    public static partial int Unlink(byte* path);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true)]
    public static partial int MakeDirectory(byte* path, int mode);

    [LibraryImport("libc", EntryPoint = "rmdir", SetLastError = true)]
    public static partial int RemoveDirectory(byte* path);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Sync(int file);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int SyncData(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    public static partial int SyncFileSystem(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true)]
    public static partial int FileSystemStatus(byte* path, nint* buffer);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint GetUser();

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(SafeFileHandle file, int operation);

    public static int Status(int directory, byte* path, int flags, StatusBuffer* buffer)
        => (int)SystemCall(StatxNumber, directory, (nint)path, flags, (nint)StatusBuffer.Wanted, (nint)buffer, 0);

    public static int ReadDirectoryEntries(int directory, byte* buffer, int size)
        => (int)SystemCall(DirectoryEntriesNumber, directory, (nint)buffer, size, 0, 0, 0);

    public static int RenameWithFlags(byte* path, byte* newPath, int flags)
        => (int)SystemCall(RenameNumber, AtCurrentDirectory, (nint)path, AtCurrentDirectory, (nint)newPath, flags, 0);

    public static nint CopyRange(int source, long* offset, int target, long* targetOffset, nint count)
        => SystemCall(CopyRangeNumber, source, (nint)offset, target, (nint)targetOffset, count, 0);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    /// <summary><c>struct statx</c>, which is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct StatusBuffer
    {
        /// <summary>Type, mode, owner, group, access, write and change time, inode and size.</summary>
        public const int Wanted = 0x001 | 0x002 | 0x008 | 0x010 | 0x020 | 0x040 | 0x080 | 0x100 | 0x200;

        private const int TypeMask = 0xF000;

        [FieldOffset(0x14)] public readonly uint Owner;
        [FieldOffset(0x18)] public readonly uint Group;
        [FieldOffset(0x1c)] private readonly ushort _mode;
        [FieldOffset(0x20)] public readonly ulong Inode;
        [FieldOffset(0x28)] private readonly long _size;
        [FieldOffset(0x40)] private readonly long _accessSeconds;
        [FieldOffset(0x48)] private readonly uint _accessNanoseconds;
        [FieldOffset(0x60)] private readonly long _changeSeconds;
        [FieldOffset(0x68)] private readonly uint _changeNanoseconds;
        [FieldOffset(0x70)] private readonly long _writeSeconds;
        [FieldOffset(0x78)] private readonly uint _writeNanoseconds;
        [FieldOffset(0x88)] public readonly ulong Device;

        /// <summary>The permissions, including the sticky bit.</summary>
        public readonly int Permissions => _mode & 0xFFF;

        public readonly bool IsDirectory => (_mode & TypeMask) == 0x4000;

        public readonly bool IsRegularFile => (_mode & TypeMask) == 0x8000;

        public readonly FileStatus ToStatus() => new(
            _size,
            IsDirectory,
            ToTime(_accessSeconds, _accessNanoseconds),
            ToTime(_writeSeconds, _writeNanoseconds),
            ToTime(_changeSeconds, _changeNanoseconds));

        // A time outside the range of DateTime is not worth a failure.
        private static DateTime ToTime(long seconds, uint nanoseconds)
            => (ulong)(seconds + 62135596800) < 315537897600
                ? DateTime.UnixEpoch.AddTicks(seconds * TimeSpan.TicksPerSecond + nanoseconds / TimeSpan.NanosecondsPerTick)
                : DateTime.UnixEpoch;
    }
}
