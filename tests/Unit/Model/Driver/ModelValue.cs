using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Tests.Model.Driver;

/// <summary>A value that describes itself: every 32 bytes of it say by which operation they were written, for which item, at which place in a
/// value of which size, with a checksum. So a mixture of two values shows what it is made of.</summary>
/// <param name="Round">The round of the run.</param>
/// <param name="Writer">The worker that wrote it.</param>
/// <param name="Number">The number of the operation of that worker.</param>
/// <param name="Place">The group and slot that it was written to.</param>
/// <param name="Size">The size [bytes].</param>
internal readonly record struct ModelValue(int Round, int Writer, int Number, int Place, int Size)
{
    public const int BlockSize = 32;

    /// <summary>Returns the bytes of the value.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[(Size + BlockSize - 1) / BlockSize * BlockSize];
        for (var index = 0; index < bytes.Length / BlockSize; index++) Write(index, bytes.AsSpan(index * BlockSize, BlockSize));
        return bytes.Length == Size ? bytes : bytes[..Size];
    }

    /// <summary>Returns the fingerprint by which values are compared, which is also what a store calls their SHA-256.</summary>
    public static string PrintOf(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Describes bytes by the values that they are parts of.</summary>
    public static string Describe(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        ModelValue? current = null;
        var (first, last, unreadable) = (0, -1, 0);
        for (var at = 0; at + BlockSize <= bytes.Length; at += BlockSize)
        {
            if (Read(bytes.Slice(at, BlockSize), out var index) is not { } value)
            {
                unreadable++;
                continue;
            }
            if (value == current && index == last + 1)
            {
                last = index;
                continue;
            }
            End();
            (current, first, last) = (value, index, index);
        }
        End();
        if (unreadable > 0) text.Append(CultureInfo.InvariantCulture, $", {unreadable} blocks that are of no value");
        return text.Length == 0 ? $"{bytes.Length} bytes" : $"{bytes.Length} bytes: {text.ToString(2, text.Length - 2)}";

        void End()
        {
            if (current is { } value) text.Append(CultureInfo.InvariantCulture, $", blocks {first} to {last} of {value}");
        }
    }

    public override string ToString() => $"[{Writer}#{Number} of round {Round}, {Size} bytes]";

    private void Write(int index, Span<byte> block)
    {
        BinaryPrimitives.WriteInt32LittleEndian(block, Round);
        BinaryPrimitives.WriteInt32LittleEndian(block[4..], Writer);
        BinaryPrimitives.WriteInt32LittleEndian(block[8..], Number);
        BinaryPrimitives.WriteInt32LittleEndian(block[12..], Place);
        BinaryPrimitives.WriteInt32LittleEndian(block[16..], Size);
        BinaryPrimitives.WriteInt32LittleEndian(block[20..], index);
        BinaryPrimitives.WriteUInt64LittleEndian(block[24..], CheckOf(block));
    }

    private static ModelValue? Read(ReadOnlySpan<byte> block, out int index)
    {
        index = BinaryPrimitives.ReadInt32LittleEndian(block[20..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(block[24..]) != CheckOf(block)) return null;
        return new(BinaryPrimitives.ReadInt32LittleEndian(block), BinaryPrimitives.ReadInt32LittleEndian(block[4..]),
            BinaryPrimitives.ReadInt32LittleEndian(block[8..]), BinaryPrimitives.ReadInt32LittleEndian(block[12..]), BinaryPrimitives.ReadInt32LittleEndian(block[16..]));
    }

    private static ulong CheckOf(ReadOnlySpan<byte> block)
    {
        var hash = 0x9E3779B97F4A7C15UL;
        for (var i = 0; i < 24; i += 8) hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(block[i..]));
        return hash;
    }

    /// <summary>Mixes the bits of a number, as SplitMix64 does.</summary>
    public static ulong Mix(ulong number)
    {
        number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9UL;
        number = (number ^ (number >> 27)) * 0x94D049BB133111EBUL;
        return number ^ (number >> 31);
    }
}
