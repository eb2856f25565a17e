using System.Buffers.Binary;

namespace BorgStore.Hashing;

/// <summary>SHA-3 of any of its four sizes (FIPS 202), for SHA3-224 and for systems whose framework has none.</summary>
internal sealed class Sha3Hasher(HashKind kind) : BlockHasher(kind, Keccak.StateSize - 2 * kind.DigestSize)
{
    private readonly ulong[] _state = new ulong[Keccak.Lanes];
    private readonly int _rate = Keccak.StateSize - 2 * kind.DigestSize;

    private protected override void Initialize() => Array.Clear(_state);

    private protected override void Compress(ReadOnlySpan<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[_rate..])
            Absorb(blocks[.._rate]);
    }

    private protected override void CompressLast(Span<byte> block, int filled, Span<byte> digest)
    {
        if (filled == _rate)
        {
            Absorb(block);
            block.Clear();
            filled = 0;
        }
        block[filled] ^= 0x06; // the two bits that set SHA-3 apart, and the first of the padding
        block[^1] ^= 0x80;
        Absorb(block);
        Span<byte> output = stackalloc byte[64];
        for (var i = 0; i < output.Length / sizeof(ulong); i++)
            BinaryPrimitives.WriteUInt64LittleEndian(output[(i * sizeof(ulong))..], _state[i]);
        output[..digest.Length].CopyTo(digest);
    }

    private void Absorb(ReadOnlySpan<byte> block)
    {
        for (var i = 0; i < block.Length / sizeof(ulong); i++)
            _state[i] ^= BinaryPrimitives.ReadUInt64LittleEndian(block[(i * sizeof(ulong))..]);
        Keccak.Permute(_state);
    }
}
