using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace BorgStore.Hashing;

/// <summary>Sixteen lanes (AVX-512).</summary>
internal unsafe struct Blake3Lanes512 : IBlake3Lanes<Vector512<uint>>
{
    public const int Count = 16;

    public static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Broadcast(uint value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Numbers() => Vector512.Create(0u, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Less(Vector512<uint> a, Vector512<uint> b) => Vector512.LessThan(a, b) & Vector512<uint>.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> a, Vector512<uint> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight16(Vector512<uint> value) => Avx512F.RotateRight(value, 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight12(Vector512<uint> value) => Avx512F.RotateRight(value, 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight8(Vector512<uint> value) => Avx512F.RotateRight(value, 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateRight7(Vector512<uint> value) => Avx512F.RotateRight(value, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBlocks(ref byte first, nint stride, Vector512<uint>* words)
    {
        // Four rows at a time become four vectors, whose 128-bit quarter q holds words 4q + i of the rows; then the quarters of
        // all sixteen rows are put together.
        Vector512<uint> r00, r01, r02, r03, r10, r11, r12, r13, r20, r21, r22, r23, r30, r31, r32, r33;
        TransposeRows(ref first, stride, out r00, out r01, out r02, out r03);
        TransposeRows(ref Unsafe.Add(ref first, 4 * stride), stride, out r10, out r11, out r12, out r13);
        TransposeRows(ref Unsafe.Add(ref first, 8 * stride), stride, out r20, out r21, out r22, out r23);
        TransposeRows(ref Unsafe.Add(ref first, 12 * stride), stride, out r30, out r31, out r32, out r33);
        TransposeQuarters(r00, r10, r20, r30, words);
        TransposeQuarters(r01, r11, r21, r31, words + 1);
        TransposeQuarters(r02, r12, r22, r32, words + 2);
        TransposeQuarters(r03, r13, r23, r33, words + 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreValues(Vector512<uint>* words, ref byte values)
    {
        // The two halves of 8 lanes are narrow enough for the smaller lanes' transposition.
        var half = stackalloc Vector256<uint>[8];
        for (var i = 0; i < 8; i++)
            half[i] = words[i].GetLower();
        Blake3Lanes256.StoreValues(half, ref values);
        for (var i = 0; i < 8; i++)
            half[i] = words[i].GetUpper();
        Blake3Lanes256.StoreValues(half, ref Unsafe.Add(ref values, 8 * Blake3.ValueSize));
    }

    /// <summary>Transposes 4 rows within each quarter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeRows(ref byte row, nint stride,
        out Vector512<uint> t0, out Vector512<uint> t1, out Vector512<uint> t2, out Vector512<uint> t3)
    {
        var r0 = Vector512.LoadUnsafe(ref row).AsUInt32();
        var r1 = Vector512.LoadUnsafe(ref Unsafe.Add(ref row, stride)).AsUInt32();
        var r2 = Vector512.LoadUnsafe(ref Unsafe.Add(ref row, 2 * stride)).AsUInt32();
        var r3 = Vector512.LoadUnsafe(ref Unsafe.Add(ref row, 3 * stride)).AsUInt32();
        var low01 = Avx512F.UnpackLow(r0, r1).AsUInt64();
        var high01 = Avx512F.UnpackHigh(r0, r1).AsUInt64();
        var low23 = Avx512F.UnpackLow(r2, r3).AsUInt64();
        var high23 = Avx512F.UnpackHigh(r2, r3).AsUInt64();
        t0 = Avx512F.UnpackLow(low01, low23).AsUInt32();
        t1 = Avx512F.UnpackHigh(low01, low23).AsUInt32();
        t2 = Avx512F.UnpackLow(high01, high23).AsUInt32();
        t3 = Avx512F.UnpackHigh(high01, high23).AsUInt32();
    }

    /// <summary>Transposes 4 vectors of 4 quarters, and stores them as every fourth word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeQuarters(Vector512<uint> t0, Vector512<uint> t1, Vector512<uint> t2, Vector512<uint> t3,
        Vector512<uint>* words)
    {
        var low01 = Avx512F.Shuffle4x128(t0, t1, 0b01_00_01_00);
        var high01 = Avx512F.Shuffle4x128(t0, t1, 0b11_10_11_10);
        var low23 = Avx512F.Shuffle4x128(t2, t3, 0b01_00_01_00);
        var high23 = Avx512F.Shuffle4x128(t2, t3, 0b11_10_11_10);
        words[0] = Avx512F.Shuffle4x128(low01, low23, 0b10_00_10_00);
        words[4] = Avx512F.Shuffle4x128(low01, low23, 0b11_01_11_01);
        words[8] = Avx512F.Shuffle4x128(high01, high23, 0b10_00_10_00);
        words[12] = Avx512F.Shuffle4x128(high01, high23, 0b11_01_11_01);
    }
}
