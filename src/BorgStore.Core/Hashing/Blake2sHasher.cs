using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BorgStore.Hashing;

/// <summary>BLAKE2s-256 without a key (RFC 7693). The state is four rows of a vector each.</summary>
internal sealed class Blake2sHasher : BlockHasher
{
    private const int BlockSize = 64;

    private readonly uint[] _state = new uint[8];
    private ulong _length;

    public Blake2sHasher(HashKind kind)
        : base(kind, BlockSize) => Initialize();

    /// <summary>RFC 7693, section 2.6.</summary>
    private static ReadOnlySpan<uint> InitialState =>
    [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ];

    private protected override void Initialize()
    {
        InitialState.CopyTo(_state);
        _state[0] ^= 0x01010000 ^ (uint)Kind.DigestSize; // one leaf, no key
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
        CompressBlock(block, last: uint.MaxValue);
        for (var i = 0; i < _state.Length; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(digest[(i * sizeof(uint))..], _state[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private void CompressBlock(ReadOnlySpan<byte> block, uint last)
    {
        Span<uint> words = stackalloc uint[16];
        for (var i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt32LittleEndian(block[(i * sizeof(uint))..]);
        ref var m = ref MemoryMarshal.GetReference(words);
        ref var s = ref MemoryMarshal.GetReference(Blake2.Schedule);

        var h0 = Vector128.Create(_state.AsSpan(0, 4));
        var h1 = Vector128.Create(_state.AsSpan(4, 4));
        var (a, b) = (h0, h1);
        var c = Vector128.Create(InitialState[..4]);
        var d = Vector128.Create(InitialState[4..]) ^ Vector128.Create((uint)_length, (uint)(_length >> 32), last, 0);
        for (var round = 0; round < 10; round++)
        {
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 0, 2, 4, 6), Words(ref m, ref s, 1, 3, 5, 7));
            // Turn the rows so that the diagonals become columns, and back.
            b = Vector128.Shuffle(b, Vector128.Create(1U, 2, 3, 0));
            c = Vector128.Shuffle(c, Vector128.Create(2U, 3, 0, 1));
            d = Vector128.Shuffle(d, Vector128.Create(3U, 0, 1, 2));
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 8, 10, 12, 14), Words(ref m, ref s, 9, 11, 13, 15));
            b = Vector128.Shuffle(b, Vector128.Create(3U, 0, 1, 2));
            c = Vector128.Shuffle(c, Vector128.Create(2U, 3, 0, 1));
            d = Vector128.Shuffle(d, Vector128.Create(1U, 2, 3, 0));
            s = ref Unsafe.Add(ref s, 16);
        }
        (h0 ^ a ^ c).CopyTo(_state, 0);
        (h1 ^ b ^ d).CopyTo(_state, 4);
    }

    /// <summary>The mixing function G (RFC 7693, section 3.1) on four columns at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d,
        Vector128<uint> x, Vector128<uint> y)
    {
        a = a + b + x;
        d = RotateRight(d ^ a, 16);
        c += d;
        b = RotateRight(b ^ c, 12);
        a = a + b + y;
        d = RotateRight(d ^ a, 8);
        c += d;
        b = RotateRight(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> RotateRight(Vector128<uint> value, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, bits) : (value >>> bits) | (value << (32 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Words(ref uint m, ref byte s, int i, int j, int k, int l) => Vector128.Create(
        Unsafe.Add(ref m, Unsafe.Add(ref s, i)), Unsafe.Add(ref m, Unsafe.Add(ref s, j)),
        Unsafe.Add(ref m, Unsafe.Add(ref s, k)), Unsafe.Add(ref m, Unsafe.Add(ref s, l)));
}
