using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace BorgStore.Hashing;

/// <summary>Four lanes (SSE4.1 or NEON).</summary>
internal unsafe struct Blake3Lanes128 : IBlake3Lanes<Vector128<uint>>
{
    public const int Count = 4;

    /// <summary>The lanes hold words as memory does, which is little endian wherever these are found.</summary>
    public static bool IsSupported => Sse41.IsSupported || AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Numbers() => Vector128.Create(0u, 1, 2, 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Less(Vector128<uint> a, Vector128<uint> b) => Vector128.LessThan(a, b) & Vector128<uint>.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> a, Vector128<uint> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> a, Vector128<uint> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight16(Vector128<uint> value) => Avx512F.VL.IsSupported
        ? Avx512F.VL.RotateRight(value, 16)
        : Vector128.Shuffle(value.AsByte(), Vector128.Create(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, (byte)13)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight12(Vector128<uint> value) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, 12) : (value >>> 12) | (value << 20);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight8(Vector128<uint> value) => Avx512F.VL.IsSupported
        ? Avx512F.VL.RotateRight(value, 8)
        : Vector128.Shuffle(value.AsByte(), Vector128.Create(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, (byte)12)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateRight7(Vector128<uint> value) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, 7) : (value >>> 7) | (value << 25);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBlocks(ref byte first, nint stride, Vector128<uint>* words)
    {
        for (var i = 0; i < 16; i += 4)
            Transpose(ref Unsafe.Add(ref first, i * sizeof(uint)), stride, words + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreValues(Vector128<uint>* words, ref byte values)
    {
        // Squares of four words of four lanes: the way back is the way there.
        var square = stackalloc Vector128<uint>[4];
        for (var half = 0; half < 2; half++)
        {
            Transpose(ref *(byte*)(words + 4 * half), sizeof(Vector128<uint>), square);
            for (var i = 0; i < 4; i++)
                square[i].AsByte().StoreUnsafe(ref Unsafe.Add(ref values, i * Blake3.ValueSize + half * sizeof(Vector128<uint>)));
        }
    }

    /// <summary>Transposes 4 words of 4 rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(ref byte row, nint stride, Vector128<uint>* words)
    {
        var r0 = Vector128.LoadUnsafe(ref row).AsUInt32();
        var r1 = Vector128.LoadUnsafe(ref Unsafe.Add(ref row, stride)).AsUInt32();
        var r2 = Vector128.LoadUnsafe(ref Unsafe.Add(ref row, 2 * stride)).AsUInt32();
        var r3 = Vector128.LoadUnsafe(ref Unsafe.Add(ref row, 3 * stride)).AsUInt32();
        var low01 = ZipLow(r0, r1).AsUInt64();
        var high01 = ZipHigh(r0, r1).AsUInt64();
        var low23 = ZipLow(r2, r3).AsUInt64();
        var high23 = ZipHigh(r2, r3).AsUInt64();
        words[0] = ZipLow(low01, low23).AsUInt32();
        words[1] = ZipHigh(low01, low23).AsUInt32();
        words[2] = ZipLow(high01, high23).AsUInt32();
        words[3] = ZipHigh(high01, high23).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipLow(Vector128<uint> a, Vector128<uint> b) =>
        Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> ZipHigh(Vector128<uint> a, Vector128<uint> b) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipLow(Vector128<ulong> a, Vector128<ulong> b) =>
        Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> ZipHigh(Vector128<ulong> a, Vector128<ulong> b) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);
}
