using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Linux;

/// <summary>A directory that stays open, so that getting the status of an entry does not resolve the whole path again.</summary>
internal sealed unsafe class LinuxDirectory : DirectoryReader
{
    private const int BufferSize = 64 * 1024;

    // struct linux_dirent64: inode (8), offset (8), length of the record (2), type (1), name.
    private const int LengthOffset = 16;
    private const int TypeOffset = 18;
    private const int NameOffset = 19;

    private readonly SafeFileHandle _directory;

    public LinuxDirectory(SafeFileHandle directory)
    {
        _directory = directory;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            fixed (byte* records = buffer)
            {
                int filled;
                while ((filled = LibC.ReadDirectoryEntries((int)directory.DangerousGetHandle(), records, BufferSize)) > 0)
                    AddEntries(buffer.AsSpan(0, filled));
                // Reading a directory that is being removed ends here.
                if (filled < 0 && Marshal.GetLastPInvokeError() != Errno.NoEntry) throw Errno.LastFailure();
            }
        }
        catch
        {
            directory.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    [SkipLocalsInit]
    public override FileStatus? GetStatus(DirectoryEntry entry)
    {
        LibC.StatusBuffer status;
        using var path = new NativePath([], entry.Name, stackalloc byte[NativePath.StackSize]);
        fixed (byte* name = path)
        {
            if (LibC.Status((int)_directory.DangerousGetHandle(), name, 0, &status) == 0) return status.ToStatus();
            return Errno.IsAbsent(Marshal.GetLastPInvokeError()) ? null : throw Errno.LastFailure();
        }
    }

    public override void Dispose() => _directory.Dispose();

    private void AddEntries(ReadOnlySpan<byte> records)
    {
        while (!records.IsEmpty)
        {
            var length = MemoryMarshal.Read<ushort>(records[LengthOffset..]);
            var name = records[NameOffset..length];
            name = name[..name.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                Entries.Add(new DirectoryEntry(Decode(name), KindOf(records[TypeOffset]), Entries.Count));
            records = records[length..];
        }
    }

    // A name that is not valid UTF-8 cannot belong to a store; its bytes are shown so that it can be found.
    private static string Decode(ReadOnlySpan<byte> name)
    {
        if (Utf8.IsValid(name)) return Encoding.UTF8.GetString(name);
        var text = new StringBuilder(name.Length);
        while (!name.IsEmpty)
        {
            var isValid = Rune.DecodeFromUtf8(name, out var rune, out var length) == OperationStatus.Done;
            if (isValid) text.Append(rune.ToString());
            else foreach (var b in name[..length]) text.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
            name = name[length..];
        }
        return text.ToString();
    }

    private static EntryKind KindOf(byte type) => type switch
    {
        4 => EntryKind.Directory,
        8 => EntryKind.File,
        10 => EntryKind.Link,
        _ => EntryKind.Unknown,
    };
}
