using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace BorgStore.Hashing;

/// <summary>BLAKE3 of one block at a time: the 4 × 4 words of the state are four rows of a vector each.</summary>
internal static class Blake3Rows
{
    /// <inheritdoc cref="Blake3.Compress"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(ref byte chaining, ref byte block, int length, ulong counter, uint flags)
    {
        ref var m = ref Unsafe.As<byte, uint>(ref block);
        ref var s = ref MemoryMarshal.GetReference(Blake3.Schedule);
        var a = Vector128.LoadUnsafe(ref chaining).AsUInt32();
        var b = Vector128.LoadUnsafe(ref chaining, (nuint)Vector128<byte>.Count).AsUInt32();
        var c = Vector128.Create(Blake3.IV0, Blake3.IV1, Blake3.IV2, Blake3.IV3);
        var d = Vector128.Create((uint)counter, (uint)(counter >> 32), (uint)length, flags);
        for (var round = 0; round < Blake3.Rounds; round++)
        {
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 0, 2, 4, 6), Words(ref m, ref s, 1, 3, 5, 7));
            // Turn the rows so that the diagonals become columns, and back. Row b stays, since it is the last to be ready.
            a = Vector128.Shuffle(a, Vector128.Create(3U, 0, 1, 2));
            c = Vector128.Shuffle(c, Vector128.Create(1U, 2, 3, 0));
            d = Vector128.Shuffle(d, Vector128.Create(2U, 3, 0, 1));
            Mix(ref a, ref b, ref c, ref d, Words(ref m, ref s, 14, 8, 10, 12), Words(ref m, ref s, 15, 9, 11, 13));
            a = Vector128.Shuffle(a, Vector128.Create(1U, 2, 3, 0));
            c = Vector128.Shuffle(c, Vector128.Create(3U, 0, 1, 2));
            d = Vector128.Shuffle(d, Vector128.Create(2U, 3, 0, 1));
            s = ref Unsafe.Add(ref s, 16);
        }
        (a ^ c).AsByte().StoreUnsafe(ref chaining);
        (b ^ d).AsByte().StoreUnsafe(ref chaining, (nuint)Vector128<byte>.Count);
    }

    /// <summary>The quarter round G on four columns at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref Vector128<uint> a, ref Vector128<uint> b, ref Vector128<uint> c, ref Vector128<uint> d,
        Vector128<uint> x, Vector128<uint> y)
    {
        a = a + x + b;
        d = Blake3Lanes128.RotateRight16(d ^ a);
        c += d;
        b = Blake3Lanes128.RotateRight12(b ^ c);
        a = a + y + b;
        d = Blake3Lanes128.RotateRight8(d ^ a);
        c += d;
        b = Blake3Lanes128.RotateRight7(b ^ c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Words(ref uint m, ref byte s, int i, int j, int k, int l) => Vector128.Create(
        Unsafe.Add(ref m, Unsafe.Add(ref s, i)), Unsafe.Add(ref m, Unsafe.Add(ref s, j)),
        Unsafe.Add(ref m, Unsafe.Add(ref s, k)), Unsafe.Add(ref m, Unsafe.Add(ref s, l)));
}
