using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BorgStore.Hashing;

/// <summary>BLAKE2b-512 without a key (RFC 7693). The state is four rows of a vector each.</summary>
internal sealed class Blake2bHasher : BlockHasher
{
    private const int BlockSize = 128;

    private readonly ulong[] _state = new ulong[8];
    private ulong _length;

    public Blake2bHasher(HashKind kind)
        : base(kind, BlockSize) => Initialize();

    /// <summary>RFC 7693, section 2.6.</summary>
    private static ReadOnlySpan<ulong> InitialState =>
    [
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    ];

    private protected override void Initialize()
    {
        InitialState.CopyTo(_state);
        _state[0] ^= 0x01010000 ^ (ulong)Kind.DigestSize; // one leaf, no key
        _length = 0;
    }

    private protected override void Compress(ReadOnlySpan<byte> blocks)
    {
        for (; blocks.Length > 0; blocks = blocks[BlockSize..])
        {
            _length += BlockSize;
            CompressBlock(blocks[..BlockSize], last: 0);
        }
    }

    private protected override void CompressLast(Span<byte> block, int filled, Span<byte> digest)
    {
        _length += (ulong)filled;
        CompressBlock(block, last: ulong.MaxValue);
        for (var i = 0; i < _state.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(digest[(i * sizeof(ulong))..], _state[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private void CompressBlock(ReadOnlySpan<byte> block, ulong last)
    {
        Span<ulong> words = stackalloc ulong[16];
        for (var i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(block[(i * sizeof(ulong))..]);
        ref var m = ref MemoryMarshal.GetReference(words);
        ref var s = ref MemoryMarshal.GetReference(Blake2.Schedule);

        var h0 = Vector256.Create(_state.AsSpan(0, 4));
        var h1 = Vector256.Create(_state.AsSpan(4, 4));
        var (a, b) = (h0, h1);
        var c = Vector256.Create(InitialState[..4]);
        var d = Vector256.Create(InitialState[4..]) ^ Vector256.Create(_length, 0, last, 0);
        for (var round = 0; round < 12; round++)
        {
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 0, 2, 4, 6), Words(ref m, ref s, 1, 3, 5, 7));
            // Turn the rows so that the diagonals become columns, and back.
            b = Vector256.Shuffle(b, Vector256.Create(1UL, 2, 3, 0));
            c = Vector256.Shuffle(c, Vector256.Create(2UL, 3, 0, 1));
            d = Vector256.Shuffle(d, Vector256.Create(3UL, 0, 1, 2));
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 8, 10, 12, 14), Words(ref m, ref s, 9, 11, 13, 15));
            b = Vector256.Shuffle(b, Vector256.Create(3UL, 0, 1, 2));
            c = Vector256.Shuffle(c, Vector256.Create(2UL, 3, 0, 1));
            d = Vector256.Shuffle(d, Vector256.Create(1UL, 2, 3, 0));
            s = ref Unsafe.Add(ref s, round == 9 ? -9 * 16 : 16); // the last two of twelve rounds are the first two again
        }
        (h0 ^ a ^ c).CopyTo(_state, 0);
        (h1 ^ b ^ d).CopyTo(_state, 4);
    }

    /// <summary>The mixing function G (RFC 7693, section 3.1) on four columns at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector256<ulong> a, ref Vector256<ulong> b, ref Vector256<ulong> c, ref Vector256<ulong> d,
        Vector256<ulong> x, Vector256<ulong> y)
    {
        a = a + b + x;
        d = RotateRight(d ^ a, 32);
        c += d;
        b = RotateRight(b ^ c, 24);
        a = a + b + y;
        d = RotateRight(d ^ a, 16);
        c += d;
        b = RotateRight(b ^ c, 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateRight(Vector256<ulong> value, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, bits) : (value >>> bits) | (value << (64 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Words(ref ulong m, ref byte s, int i, int j, int k, int l) => Vector256.Create(
        Unsafe.Add(ref m, Unsafe.Add(ref s, i)), Unsafe.Add(ref m, Unsafe.Add(ref s, j)),
        Unsafe.Add(ref m, Unsafe.Add(ref s, k)), Unsafe.Add(ref m, Unsafe.Add(ref s, l)));
}
