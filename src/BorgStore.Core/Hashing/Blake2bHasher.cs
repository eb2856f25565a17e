using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BorgStore.Hashing;

/// <summary>BLAKE2b-512 without a key (RFC 7693).</summary>
internal sealed class Blake2bHasher : BlockHasher
{
    private const int BlockSize = 128;

    private readonly ulong[] _state = new ulong[8];
    private ulong _length;

    private readonly bool _inRows;

    public Blake2bHasher(HashKind kind)
        : this(kind, Vector256.IsHardwareAccelerated)
    {
    }

    /// <summary>Makes a hasher that works in one of two ways.</summary>
    /// <param name="kind">BLAKE2b.</param>
    /// <param name="inRows">Whether the state is four rows of a vector each, rather than 16 words. Both are right everywhere; rows
    /// are fast where there are vectors of 256 bits.</param>
    internal Blake2bHasher(HashKind kind, bool inRows)
        : base(kind, BlockSize)
    {
        _inRows = inRows;
        Initialize();
    }

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

    [SkipLocalsInit]
    private void CompressBlock(ReadOnlySpan<byte> block, ulong last)
    {
        Span<ulong> words = stackalloc ulong[16];
        for (var i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(block[(i * sizeof(ulong))..]);
        ref var m = ref MemoryMarshal.GetReference(words);
        if (_inRows)
            CompressRows(ref m, last);
        else
            CompressWords(ref m, last);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CompressRows(ref ulong m, ulong last)
    {
        ref var s = ref MemoryMarshal.GetReference(Blake2.Schedule);
        var h0 = Vector256.Create(_state.AsSpan(0, 4));
        var h1 = Vector256.Create(_state.AsSpan(4, 4));
        var (a, b) = (h0, h1);
        var c = Vector256.Create(InitialState[..4]);
        var d = Vector256.Create(InitialState[4..]) ^ Vector256.Create(_length, 0, last, 0);
        for (var round = 0; round < 12; round++)
        {
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 0, 2, 4, 6), Words(ref m, ref s, 1, 3, 5, 7));
            // Turn the rows so that the diagonals become columns, and back. Row b stays, since it is the last to be ready.
            a = Vector256.Shuffle(a, Vector256.Create(3UL, 0, 1, 2));
            c = Vector256.Shuffle(c, Vector256.Create(1UL, 2, 3, 0));
            d = Vector256.Shuffle(d, Vector256.Create(2UL, 3, 0, 1));
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 14, 8, 10, 12), Words(ref m, ref s, 15, 9, 11, 13));
            a = Vector256.Shuffle(a, Vector256.Create(1UL, 2, 3, 0));
            c = Vector256.Shuffle(c, Vector256.Create(3UL, 0, 1, 2));
            d = Vector256.Shuffle(d, Vector256.Create(2UL, 3, 0, 1));
            s = ref Unsafe.Add(ref s, round == 9 ? -9 * 16 : 16); // the last two of twelve rounds are the first two again
        }
        (h0 ^ a ^ c).CopyTo(_state, 0);
        (h1 ^ b ^ d).CopyTo(_state, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CompressWords(ref ulong m, ulong last)
    {
        ref var s = ref MemoryMarshal.GetReference(Blake2.Schedule);
        ulong v0 = _state[0], v1 = _state[1], v2 = _state[2], v3 = _state[3];
        ulong v4 = _state[4], v5 = _state[5], v6 = _state[6], v7 = _state[7];
        ulong v8 = InitialState[0], v9 = InitialState[1], v10 = InitialState[2], v11 = InitialState[3];
        ulong v12 = InitialState[4] ^ _length, v13 = InitialState[5], v14 = InitialState[6] ^ last, v15 = InitialState[7];
        for (var round = 0; round < 12; round++)
        {
            Mix(ref v0, ref v4, ref v8, ref v12, Word(ref m, ref s, 0), Word(ref m, ref s, 1));
            Mix(ref v1, ref v5, ref v9, ref v13, Word(ref m, ref s, 2), Word(ref m, ref s, 3));
            Mix(ref v2, ref v6, ref v10, ref v14, Word(ref m, ref s, 4), Word(ref m, ref s, 5));
            Mix(ref v3, ref v7, ref v11, ref v15, Word(ref m, ref s, 6), Word(ref m, ref s, 7));
            Mix(ref v0, ref v5, ref v10, ref v15, Word(ref m, ref s, 8), Word(ref m, ref s, 9));
            Mix(ref v1, ref v6, ref v11, ref v12, Word(ref m, ref s, 10), Word(ref m, ref s, 11));
            Mix(ref v2, ref v7, ref v8, ref v13, Word(ref m, ref s, 12), Word(ref m, ref s, 13));
            Mix(ref v3, ref v4, ref v9, ref v14, Word(ref m, ref s, 14), Word(ref m, ref s, 15));
            s = ref Unsafe.Add(ref s, round == 9 ? -9 * 16 : 16);
        }
        (_state[0], _state[1], _state[2], _state[3]) =
            (_state[0] ^ v0 ^ v8, _state[1] ^ v1 ^ v9, _state[2] ^ v2 ^ v10, _state[3] ^ v3 ^ v11);
        (_state[4], _state[5], _state[6], _state[7]) =
            (_state[4] ^ v4 ^ v12, _state[5] ^ v5 ^ v13, _state[6] ^ v6 ^ v14, _state[7] ^ v7 ^ v15);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref ulong a, ref ulong b, ref ulong c, ref ulong d, ulong x, ulong y)
    {
        a = a + x + b;
        d = BitOperations.RotateRight(d ^ a, 32);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 24);
        a = a + y + b;
        d = BitOperations.RotateRight(d ^ a, 16);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(ref ulong m, ref byte s, int i) => Unsafe.Add(ref m, Unsafe.Add(ref s, i));

    /// <summary>The mixing function G (RFC 7693, section 3.1) on four columns at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector256<ulong> a, ref Vector256<ulong> b, ref Vector256<ulong> c, ref Vector256<ulong> d,
        Vector256<ulong> x, Vector256<ulong> y)
    {
        a = a + x + b;
        d = RotateRight(d ^ a, 32);
        c += d;
        b = RotateRight(b ^ c, 24);
        a = a + y + b;
        d = RotateRight(d ^ a, 16);
        c += d;
        b = RotateRight(b ^ c, 63);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> RotateRight(Vector256<ulong> value, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, bits) : (value >>> bits) | (value << (64 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Words(ref ulong m, ref byte s, int i, int j, int k, int l) => Vector256.Create(
        Word(ref m, ref s, i), Word(ref m, ref s, j), Word(ref m, ref s, k), Word(ref m, ref s, l));
}
