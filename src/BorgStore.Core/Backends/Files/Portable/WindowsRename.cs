using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Portable;

/// <summary>Replaces a file that another program has open for reading, which the usual rename on Windows refuses.</summary>
/// <remarks>Needs NTFS on Windows 10 version 1607 or later. Readers keep the old value until they close it.</remarks>
internal static unsafe partial class WindowsRename
{
    private const uint Delete = 0x00010000;
    private const uint ShareAll = 7;
    private const uint OpenExisting = 3;
    private const uint OpenReparsePoint = 0x00200000;
    private const int RenameInformationEx = 22;
    private const uint ReplaceIfExists = 1;
    private const uint PosixSemantics = 2;

    /// <summary>Renames a file over another one.</summary>
    /// <param name="from">The absolute path of the file.</param>
    /// <param name="to">The absolute path of the file to replace.</param>
    /// <returns>Whether it was renamed. If not, nothing has changed.</returns>
    public static bool TryReplace(string from, string to)
    {
        using var file = CreateFile(ExtendedPath(from), Delete, ShareAll, 0, OpenExisting, OpenReparsePoint, 0);
        if (file.IsInvalid) return false;

        var target = ExtendedPath(to);
        var size = sizeof(RenameInformation) + (target.Length * sizeof(char));
        var buffer = stackalloc byte[size];
        var information = (RenameInformation*)buffer;
        *information = new() { Flags = ReplaceIfExists | PosixSemantics, NameLength = (uint)(target.Length * sizeof(char)) };
        target.CopyTo(new Span<char>(&information->Name, target.Length));
        return SetFileInformation(file, RenameInformationEx, buffer, (uint)size);
    }

    // The form without the limit of 260 characters.
    private static string ExtendedPath(string path)
    {
        path = Path.GetFullPath(path);
        if (path.StartsWith(@"\\?\", StringComparison.Ordinal)) return path;
        return path.StartsWith(@"\\", StringComparison.Ordinal) ? @"\\?\UNC\" + path[2..] : @"\\?\" + path;
    }

    [LibraryImport("kernel32", EntryPoint = "CreateFileW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial SafeFileHandle CreateFile(string name, uint access, uint share, nint security, uint disposition, uint flags, nint template);

    [LibraryImport("kernel32", EntryPoint = "SetFileInformationByHandle", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetFileInformation(SafeFileHandle file, int kind, void* information, uint size);

    /// <summary>FILE_RENAME_INFO, which the rest of the name follows.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct RenameInformation
    {
        public uint Flags;
        public nint RootDirectory;
        public uint NameLength;
        public char Name;
    }
}
