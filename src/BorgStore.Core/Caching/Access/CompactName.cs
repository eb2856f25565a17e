using System.Text;
using BorgStore.Naming;

namespace BorgStore.Caching.Access;

/// <summary>The path of an item below its namespace, in as few bytes as possible.</summary>
/// <remarks>A nested hash, <c>ab/cd/abcd…</c> or <c>ab/cd/abcd….del</c>, becomes a byte for levels and deletion, followed by the bytes
/// of its digits: 33 bytes instead of 70 or 74. Any other path is stored as ASCII, whose first byte is never above 0x7f.</remarks>
internal static class CompactName
{
    /// <summary>The maximum length of an encoded path [bytes].</summary>
    public const int MaxLength = 120;

    private const byte Packed = 0x80;
    private const byte Deleted = 0x40;
    private const byte LevelMask = 0x1f;
    private const int CharactersPerDirectory = 3;

    /// <summary>Encodes a path.</summary>
    /// <returns>The number of bytes written; 0 if the path cannot be that of an item.</returns>
    public static int Encode(ReadOnlySpan<char> path, Span<byte> destination)
    {
        if (TryPack(path, destination, out var length)) return length;
        if (path.Length > MaxLength) return 0;
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] > 0x7f) return 0;
            destination[i] = (byte)path[i];
        }
        return path.Length;
    }

    /// <summary>Decodes a path.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
        => (bytes[0] & Packed) == 0
            ? Encoding.ASCII.GetString(bytes)
            : Nesting.Nest(ToHex(bytes[1..]), bytes[0] & LevelMask, (bytes[0] & Deleted) != 0);

    private static bool TryPack(ReadOnlySpan<char> path, Span<byte> destination, out int length)
    {
        length = 0;
        var isDeleted = path.EndsWith(Suffixes.Deleted);
        if (isDeleted) path = path[..^Suffixes.Deleted.Length];
        var keyStart = path.LastIndexOf('/') + 1;
        var key = path[keyStart..];
        var levels = keyStart / CharactersPerDirectory;
        if (key.IsEmpty || key.Length % 2 != 0 || key.Length / 2 >= MaxLength) return false;
        if (keyStart % CharactersPerDirectory != 0 || levels > LevelMask || key.Length < 2 * levels) return false;
        for (var level = 0; level < levels; level++)
        {
            var directory = path.Slice(level * CharactersPerDirectory, CharactersPerDirectory);
            if (directory[2] != '/' || !directory[..2].SequenceEqual(key.Slice(2 * level, 2))) return false;
        }
        for (var i = 0; i < key.Length; i += 2)
        {
            var (high, low) = (DigitOf(key[i]), DigitOf(key[i + 1]));
            if ((high | low) < 0) return false;
            destination[1 + (i / 2)] = (byte)((high << 4) | low);
        }
        destination[0] = (byte)(Packed | levels | (isDeleted ? Deleted : 0));
        length = 1 + (key.Length / 2);
        return true;
    }

    private static int DigitOf(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        _ => -1,
    };

    private static string ToHex(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = stackalloc char[2 * MaxLength];
        text = text[..(2 * bytes.Length)];
        for (var i = 0; i < text.Length; i++) text[i] = "0123456789abcdef"[i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15];
        return new(text);
    }
}
