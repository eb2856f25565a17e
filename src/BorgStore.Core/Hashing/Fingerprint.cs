using System.Buffers.Binary;
using System.Numerics;

namespace BorgStore.Hashing;

/// <summary>A fingerprint of what a reader already has. A read that must start again compares it with what it reads now: if both are equal, the rest
/// continues one value, even if the item was replaced in the meantime.</summary>
/// <remarks>It consists of two CRC-32C, each over every other 8 bytes, and takes a small part of the time of copying. A server that wants to return a
/// mixture of two values could do so without an interruption, so it need not be cryptographic.</remarks>
internal struct Fingerprint
{
    private const int Word = sizeof(ulong);

    private uint _even;
    private uint _odd;
    private long _length;

    /// <summary>Adds the next bytes. It does not matter how bytes are divided among calls.</summary>
    /// <param name="bytes">The bytes.</param>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (_length % (2 * Word) != 0 && !bytes.IsEmpty)
        {
            AppendByte(bytes[0]);
            bytes = bytes[1..];
        }
        _length += bytes.Length;
        var (even, odd) = (_even, _odd);
        for (; bytes.Length >= 2 * Word; bytes = bytes[(2 * Word)..])
        {
            even = BitOperations.Crc32C(even, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            odd = BitOperations.Crc32C(odd, BinaryPrimitives.ReadUInt64LittleEndian(bytes[Word..]));
        }
        (_even, _odd) = (even, odd);
        _length -= bytes.Length;
        foreach (var one in bytes) AppendByte(one);
    }

    /// <summary>Returns whether the same bytes were added to another fingerprint.</summary>
    /// <param name="other">The other fingerprint.</param>
    public readonly bool Matches(in Fingerprint other) => (_even, _odd, _length) == (other._even, other._odd, other._length);

    private void AppendByte(byte one)
    {
        if (_length++ / Word % 2 == 0) _even = BitOperations.Crc32C(_even, one);
        else _odd = BitOperations.Crc32C(_odd, one);
    }
}
