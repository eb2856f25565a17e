using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BorgStore.Hashing;

/// <summary>Eight lanes (AVX2, with the rotations of AVX-512 where there are any).</summary>
internal unsafe struct Blake3Lanes256 : IBlake3Lanes<Vector256<uint>>
{
    public const int Count = 8;

    public static bool IsSupported => Vector256.IsHardwareAccelerated && Avx2.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Numbers() => Vector256.Create(0u, 1, 2, 3, 4, 5, 6, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Less(Vector256<uint> a, Vector256<uint> b) => Vector256.LessThan(a, b) & Vector256<uint>.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> a, Vector256<uint> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> a, Vector256<uint> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight16(Vector256<uint> value) => Avx512F.VL.IsSupported
        ? Avx512F.VL.RotateRight(value, 16)
        : Avx2.Shuffle(value.AsByte(), Vector256.Create(
            2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
            2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, (byte)13)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight12(Vector256<uint> value) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, 12) : (value >>> 12) | (value << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight8(Vector256<uint> value) => Avx512F.VL.IsSupported
        ? Avx512F.VL.RotateRight(value, 8)
        : Avx2.Shuffle(value.AsByte(), Vector256.Create(
            1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,
            1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, (byte)12)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateRight7(Vector256<uint> value) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, 7) : (value >>> 7) | (value << 25);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBlocks(ref byte first, nint stride, Vector256<uint>* words)
    {
        LoadHalf(ref first, stride, words);
        LoadHalf(ref Unsafe.Add(ref first, Blake3.BlockSize / 2), stride, words + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreValues(Vector256<uint>* words, ref byte values)
    {
        // Eight words of eight lanes are a square: the way back is the way there.
        var square = stackalloc Vector256<uint>[8];
        LoadHalf(ref *(byte*)words, sizeof(Vector256<uint>), square);
        for (var i = 0; i < 8; i++)
            square[i].AsByte().StoreUnsafe(ref Unsafe.Add(ref values, i * Blake3.ValueSize));
    }

    /// <summary>Transposes 8 words of 8 rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadHalf(ref byte first, nint stride, Vector256<uint>* words)
    {
        TransposeRows(ref first, stride, out var r00, out var r01, out var r02, out var r03);
        TransposeRows(ref Unsafe.Add(ref first, 4 * stride), stride, out var r10, out var r11, out var r12, out var r13);
        words[0] = Avx2.Permute2x128(r00, r10, 0x20);
        words[1] = Avx2.Permute2x128(r01, r11, 0x20);
        words[2] = Avx2.Permute2x128(r02, r12, 0x20);
        words[3] = Avx2.Permute2x128(r03, r13, 0x20);
        words[4] = Avx2.Permute2x128(r00, r10, 0x31);
        words[5] = Avx2.Permute2x128(r01, r11, 0x31);
        words[6] = Avx2.Permute2x128(r02, r12, 0x31);
        words[7] = Avx2.Permute2x128(r03, r13, 0x31);
    }

    /// <summary>Transposes 4 rows within each half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeRows(ref byte row, nint stride,
        out Vector256<uint> t0, out Vector256<uint> t1, out Vector256<uint> t2, out Vector256<uint> t3)
    {
        var r0 = Vector256.LoadUnsafe(ref row).AsUInt32();
        var r1 = Vector256.LoadUnsafe(ref Unsafe.Add(ref row, stride)).AsUInt32();
        var r2 = Vector256.LoadUnsafe(ref Unsafe.Add(ref row, 2 * stride)).AsUInt32();
        var r3 = Vector256.LoadUnsafe(ref Unsafe.Add(ref row, 3 * stride)).AsUInt32();
        var low01 = Avx2.UnpackLow(r0, r1).AsUInt64();
        var high01 = Avx2.UnpackHigh(r0, r1).AsUInt64();
        var low23 = Avx2.UnpackLow(r2, r3).AsUInt64();
        var high23 = Avx2.UnpackHigh(r2, r3).AsUInt64();
        t0 = Avx2.UnpackLow(low01, low23).AsUInt32();
        t1 = Avx2.UnpackHigh(low01, low23).AsUInt32();
        t2 = Avx2.UnpackLow(high01, high23).AsUInt32();
        t3 = Avx2.UnpackHigh(high01, high23).AsUInt32();
    }
}
