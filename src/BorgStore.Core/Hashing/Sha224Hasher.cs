using System.Buffers.Binary;
using System.Numerics;

namespace BorgStore.Hashing;

/// <summary>SHA-224 (FIPS 180-4, section 6.3), which the framework lacks: SHA-256 from other initial values, cut short.</summary>
internal sealed class Sha224Hasher : BlockHasher
{
    private const int BlockSize = 64;

    private readonly uint[] _state = new uint[8];
    private ulong _length;

    public Sha224Hasher(HashKind kind)
        : base(kind, BlockSize) => Initialize();

    /// <summary>FIPS 180-4, section 5.3.2.</summary>
    private static ReadOnlySpan<uint> InitialState =>
        [0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4];

    /// <summary>FIPS 180-4, section 4.2.2.</summary>
    private static ReadOnlySpan<uint> RoundConstants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    private protected override void Initialize()
    {
        InitialState.CopyTo(_state);
        _length = 0;
    }

    private protected override void Compress(ReadOnlySpan<byte> blocks)
    {
        _length += (ulong)blocks.Length;
        Span<uint> w = stackalloc uint[64];
        for (; blocks.Length > 0; blocks = blocks[BlockSize..])
            CompressBlock(_state, blocks, w);
    }

    private protected override void CompressLast(Span<byte> block, int filled, Span<byte> digest)
    {
        var bits = 8 * (_length + (ulong)filled);
        Span<byte> end = stackalloc byte[2 * BlockSize];
        block.CopyTo(end);
        end[BlockSize..].Clear();
        end[filled] = 0x80;
        end = end[..(filled < BlockSize - sizeof(ulong) ? BlockSize : 2 * BlockSize)];
        BinaryPrimitives.WriteUInt64BigEndian(end[^sizeof(ulong)..], bits);
        Compress(end);
        for (var i = 0; i < digest.Length / sizeof(uint); i++)
            BinaryPrimitives.WriteUInt32BigEndian(digest[(i * sizeof(uint))..], _state[i]);
    }

    private static void CompressBlock(Span<uint> state, ReadOnlySpan<byte> block, Span<uint> w)
    {
        for (var i = 0; i < 16; i++)
            w[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(i * sizeof(uint))..]);
        for (var i = 16; i < w.Length; i++)
        {
            uint x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + w[i - 7]
                + (BitOperations.RotateRight(x, 7) ^ BitOperations.RotateRight(x, 18) ^ (x >> 3))
                + (BitOperations.RotateRight(y, 17) ^ BitOperations.RotateRight(y, 19) ^ (y >> 10));
        }

        var (a, b, c, d) = (state[0], state[1], state[2], state[3]);
        var (e, f, g, h) = (state[4], state[5], state[6], state[7]);
        for (var i = 0; i < w.Length; i++)
        {
            var t1 = h + RoundConstants[i] + w[i] + ((e & f) ^ (~e & g))
                + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25));
            var t2 = ((a & b) ^ (a & c) ^ (b & c))
                + (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
        }
        (state[0], state[1], state[2], state[3]) = (state[0] + a, state[1] + b, state[2] + c, state[3] + d);
        (state[4], state[5], state[6], state[7]) = (state[4] + e, state[5] + f, state[6] + g, state[7] + h);
    }
}
