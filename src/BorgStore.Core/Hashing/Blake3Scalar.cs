using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace BorgStore.Hashing;

/// <summary>BLAKE3 of one block or chunk at a time.</summary>
internal static class Blake3Scalar
{
    /// <summary>Hashes a whole chunk or one parent.</summary>
    public static void Hash(ref byte input, bool parent, ulong counter, ref byte value)
    {
        Span<byte> result = stackalloc byte[Blake3.ValueSize];
        Blake3.InitialValue.CopyTo(result);
        ref var chaining = ref MemoryMarshal.GetReference(result);
        if (parent)
            Compress(ref chaining, ref input, Blake3.BlockSize, counter: 0, Blake3.Parent);
        else
            for (var i = 0; i < Blake3.ChunkBlocks; i++)
                Compress(ref chaining, ref Unsafe.Add(ref input, i * Blake3.BlockSize), Blake3.BlockSize, counter,
                    i == 0 ? Blake3.ChunkStart : i == Blake3.ChunkBlocks - 1 ? Blake3.ChunkEnd : 0);
        result.CopyTo(MemoryMarshal.CreateSpan(ref value, Blake3.ValueSize));
    }

    /// <summary>The compression function (section 2.2), for the first half of its output.</summary>
    /// <param name="chaining">The chaining value before and, at the end, after.</param>
    /// <param name="block">The block, zero behind its end.</param>
    /// <param name="length">What the block holds [bytes].</param>
    /// <param name="counter">The number of the chunk, or 0 for a parent.</param>
    /// <param name="flags">The flags.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Compress(ref byte chaining, ref byte block, int length, ulong counter, uint flags)
    {
        Span<uint> words = stackalloc uint[16];
        for (var i = 0; i < words.Length; i++)
            words[i] = Read(ref block, i);
        ref var m = ref MemoryMarshal.GetReference(words);
        ref var s = ref MemoryMarshal.GetReference(Blake3.Schedule);

        uint v0 = Read(ref chaining, 0), v1 = Read(ref chaining, 1), v2 = Read(ref chaining, 2), v3 = Read(ref chaining, 3);
        uint v4 = Read(ref chaining, 4), v5 = Read(ref chaining, 5), v6 = Read(ref chaining, 6), v7 = Read(ref chaining, 7);
        uint v8 = Blake3.IV0, v9 = Blake3.IV1, v10 = Blake3.IV2, v11 = Blake3.IV3;
        uint v12 = (uint)counter, v13 = (uint)(counter >> 32), v14 = (uint)length, v15 = flags;
        for (var round = 0; round < Blake3.Rounds; round++)
        {
            Mix(ref v0, ref v4, ref v8, ref v12, Word(ref m, ref s, 0), Word(ref m, ref s, 1));
            Mix(ref v1, ref v5, ref v9, ref v13, Word(ref m, ref s, 2), Word(ref m, ref s, 3));
            Mix(ref v2, ref v6, ref v10, ref v14, Word(ref m, ref s, 4), Word(ref m, ref s, 5));
            Mix(ref v3, ref v7, ref v11, ref v15, Word(ref m, ref s, 6), Word(ref m, ref s, 7));
            Mix(ref v0, ref v5, ref v10, ref v15, Word(ref m, ref s, 8), Word(ref m, ref s, 9));
            Mix(ref v1, ref v6, ref v11, ref v12, Word(ref m, ref s, 10), Word(ref m, ref s, 11));
            Mix(ref v2, ref v7, ref v8, ref v13, Word(ref m, ref s, 12), Word(ref m, ref s, 13));
            Mix(ref v3, ref v4, ref v9, ref v14, Word(ref m, ref s, 14), Word(ref m, ref s, 15));
            s = ref Unsafe.Add(ref s, 16);
        }
        Write(ref chaining, 0, v0 ^ v8);
        Write(ref chaining, 1, v1 ^ v9);
        Write(ref chaining, 2, v2 ^ v10);
        Write(ref chaining, 3, v3 ^ v11);
        Write(ref chaining, 4, v4 ^ v12);
        Write(ref chaining, 5, v5 ^ v13);
        Write(ref chaining, 6, v6 ^ v14);
        Write(ref chaining, 7, v7 ^ v15);
    }

    /// <summary>The quarter round G.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref uint a, ref uint b, ref uint c, ref uint d, uint x, uint y)
    {
        a = a + b + x;
        d = BitOperations.RotateRight(d ^ a, 16);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 12);
        a = a + b + y;
        d = BitOperations.RotateRight(d ^ a, 8);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ref uint m, ref byte s, int i) => Unsafe.Add(ref m, Unsafe.Add(ref s, i));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Read(ref byte bytes, int word)
    {
        var value = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref bytes, word * sizeof(uint)));
        return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(ref byte bytes, int word, uint value) => Unsafe.WriteUnaligned(
        ref Unsafe.Add(ref bytes, word * sizeof(uint)), BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
}
