using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static BorgStore.Hashing.Blake3;

namespace BorgStore.Hashing;

/// <summary>BLAKE3 of as many chunks or parents at a time as a vector has lanes.</summary>
/// <remarks>The lanes never meet: word i of all the states is one vector, and each step of the compression is one instruction for
/// all of them. Both arguments are structs, so that the compiler makes a version for each width with all calls inlined. Its
/// first call must be fast already, hence no tiering.</remarks>
internal static unsafe class Blake3Kernel<TLanes, TVector>
    where TLanes : struct, IBlake3Lanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Hashes one chunk or parent per lane.</summary>
    /// <param name="input">The chunks, or the parents' blocks.</param>
    /// <param name="parents">Whether they are parents.</param>
    /// <param name="counter">The number of the first chunk, or 0 for parents.</param>
    /// <param name="values">Receives a chaining value for each; it may be the place of the input.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Hash(ref byte input, bool parents, ulong counter, ref byte values)
    {
        // On the stack at an address that no load has to straddle a cache line for.
        var place = stackalloc byte[17 * sizeof(TVector)];
        var m = (TVector*)(((nuint)place + (nuint)sizeof(TVector) - 1) & ~((nuint)sizeof(TVector) - 1));

        var (stride, blocks, flags, lastFlags) = parents ? (BlockSize, 1, 0u, Parent) : (ChunkSize, ChunkBlocks, ChunkStart, ChunkEnd);
        var low = TLanes.Broadcast((uint)counter);
        var high = TLanes.Broadcast((uint)(counter >> 32));
        if (!parents)
        {
            var first = low;
            low = TLanes.Add(low, TLanes.Numbers());
            high = TLanes.Add(high, TLanes.Less(low, first));
        }

        ref var initial = ref MemoryMarshal.GetReference(InitialWords);
        TVector v0 = TLanes.Broadcast(initial), v1 = TLanes.Broadcast(Unsafe.Add(ref initial, 1));
        TVector v2 = TLanes.Broadcast(Unsafe.Add(ref initial, 2)), v3 = TLanes.Broadcast(Unsafe.Add(ref initial, 3));
        TVector v4 = TLanes.Broadcast(Unsafe.Add(ref initial, 4)), v5 = TLanes.Broadcast(Unsafe.Add(ref initial, 5));
        TVector v6 = TLanes.Broadcast(Unsafe.Add(ref initial, 6)), v7 = TLanes.Broadcast(Unsafe.Add(ref initial, 7));
        for (; blocks > 0; blocks--)
        {
            TLanes.LoadBlocks(ref input, stride, m);
            input = ref Unsafe.Add(ref input, BlockSize);
            if (blocks == 1)
                flags |= lastFlags;

            TVector v8 = TLanes.Broadcast(initial), v9 = TLanes.Broadcast(Unsafe.Add(ref initial, 1));
            TVector v10 = TLanes.Broadcast(Unsafe.Add(ref initial, 2)), v11 = TLanes.Broadcast(Unsafe.Add(ref initial, 3));
            TVector v12 = low, v13 = high, v14 = TLanes.Broadcast(BlockSize), v15 = TLanes.Broadcast(flags);
            ref var s = ref MemoryMarshal.GetReference(Schedule);
            for (var round = 0; round < Rounds; round++)
            {
                Mix(ref v0, ref v1, ref v2, ref v3, ref v4, ref v5, ref v6, ref v7,
                    ref v8, ref v9, ref v10, ref v11, ref v12, ref v13, ref v14, ref v15, m, ref s);
                Mix(ref v0, ref v1, ref v2, ref v3, ref v5, ref v6, ref v7, ref v4,
                    ref v10, ref v11, ref v8, ref v9, ref v15, ref v12, ref v13, ref v14, m, ref Unsafe.Add(ref s, 8));
                s = ref Unsafe.Add(ref s, 16);
            }
            (v0, v1, v2, v3) = (TLanes.Xor(v0, v8), TLanes.Xor(v1, v9), TLanes.Xor(v2, v10), TLanes.Xor(v3, v11));
            (v4, v5, v6, v7) = (TLanes.Xor(v4, v12), TLanes.Xor(v5, v13), TLanes.Xor(v6, v14), TLanes.Xor(v7, v15));
            flags = 0;
        }
        (m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7]) = (v0, v1, v2, v3, v4, v5, v6, v7);
        TLanes.StoreValues(m, ref values);
    }

    /// <summary>The quarter round G on four columns (or diagonals), step by step, so that four chains of dependent instructions
    /// stand side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(
        ref TVector a0, ref TVector a1, ref TVector a2, ref TVector a3, ref TVector b0, ref TVector b1, ref TVector b2, ref TVector b3,
        ref TVector c0, ref TVector c1, ref TVector c2, ref TVector c3, ref TVector d0, ref TVector d1, ref TVector d2, ref TVector d3,
        TVector* m, ref byte s)
    {
        a0 = TLanes.Add(TLanes.Add(a0, b0), m[s]);
        a1 = TLanes.Add(TLanes.Add(a1, b1), m[Unsafe.Add(ref s, 2)]);
        a2 = TLanes.Add(TLanes.Add(a2, b2), m[Unsafe.Add(ref s, 4)]);
        a3 = TLanes.Add(TLanes.Add(a3, b3), m[Unsafe.Add(ref s, 6)]);
        d0 = TLanes.RotateRight16(TLanes.Xor(d0, a0));
        d1 = TLanes.RotateRight16(TLanes.Xor(d1, a1));
        d2 = TLanes.RotateRight16(TLanes.Xor(d2, a2));
        d3 = TLanes.RotateRight16(TLanes.Xor(d3, a3));
        c0 = TLanes.Add(c0, d0);
        c1 = TLanes.Add(c1, d1);
        c2 = TLanes.Add(c2, d2);
        c3 = TLanes.Add(c3, d3);
        b0 = TLanes.RotateRight12(TLanes.Xor(b0, c0));
        b1 = TLanes.RotateRight12(TLanes.Xor(b1, c1));
        b2 = TLanes.RotateRight12(TLanes.Xor(b2, c2));
        b3 = TLanes.RotateRight12(TLanes.Xor(b3, c3));
        a0 = TLanes.Add(TLanes.Add(a0, b0), m[Unsafe.Add(ref s, 1)]);
        a1 = TLanes.Add(TLanes.Add(a1, b1), m[Unsafe.Add(ref s, 3)]);
        a2 = TLanes.Add(TLanes.Add(a2, b2), m[Unsafe.Add(ref s, 5)]);
        a3 = TLanes.Add(TLanes.Add(a3, b3), m[Unsafe.Add(ref s, 7)]);
        d0 = TLanes.RotateRight8(TLanes.Xor(d0, a0));
        d1 = TLanes.RotateRight8(TLanes.Xor(d1, a1));
        d2 = TLanes.RotateRight8(TLanes.Xor(d2, a2));
        d3 = TLanes.RotateRight8(TLanes.Xor(d3, a3));
        c0 = TLanes.Add(c0, d0);
        c1 = TLanes.Add(c1, d1);
        c2 = TLanes.Add(c2, d2);
        c3 = TLanes.Add(c3, d3);
        b0 = TLanes.RotateRight7(TLanes.Xor(b0, c0));
        b1 = TLanes.RotateRight7(TLanes.Xor(b1, c1));
        b2 = TLanes.RotateRight7(TLanes.Xor(b2, c2));
        b3 = TLanes.RotateRight7(TLanes.Xor(b3, c3));
    }
}
