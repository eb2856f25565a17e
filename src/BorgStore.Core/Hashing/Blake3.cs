using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace BorgStore.Hashing;

/// <summary>The constants of BLAKE3, and the choice among the ways to compute it.</summary>
/// <remarks>Sections are those of the specification, https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf.
/// A chaining value is kept as 32 bytes, words in little endian, so that two beside each other are the block of their parent,
/// and a level of parents is hashed as a row of chunks is, only with one block each.</remarks>
internal static class Blake3
{
    /// <summary>The size of a block [bytes].</summary>
    public const int BlockSize = 64;

    /// <summary>The size of a chunk, which is a leaf of the tree [bytes].</summary>
    public const int ChunkSize = 1024;

    /// <summary>The blocks of a chunk.</summary>
    public const int ChunkBlocks = ChunkSize / BlockSize;

    /// <summary>The size of a chaining value, and of the digest [bytes].</summary>
    public const int ValueSize = 32;

    /// <summary>The rounds of a compression.</summary>
    public const int Rounds = 7;

    /// <summary>Flags of a compression (section 2.2, table 3).</summary>
    public const uint ChunkStart = 1, ChunkEnd = 2, Parent = 4, Root = 8;

    /// <summary>The first four words of <see cref="InitialValue"/>, which every compression begins with.</summary>
    public const uint IV0 = 0x6a09e667, IV1 = 0xbb67ae85, IV2 = 0x3c6ef372, IV3 = 0xa54ff53a;

    /// <summary>The fastest way that this processor has.</summary>
    public static Blake3Path Best { get; } = Enum.GetValues<Blake3Path>().Last(IsSupported);

    /// <summary>The chaining value that hashing begins with (section 2.2, table 1).</summary>
    public static ReadOnlySpan<byte> InitialValue =>
    [
        0x67, 0xe6, 0x09, 0x6a, 0x85, 0xae, 0x67, 0xbb, 0x72, 0xf3, 0x6e, 0x3c, 0x3a, 0xf5, 0x4f, 0xa5,
        0x7f, 0x52, 0x0e, 0x51, 0x8c, 0x68, 0x05, 0x9b, 0xab, 0xd9, 0x83, 0x1f, 0x19, 0xcd, 0xe0, 0x5b,
    ];

    /// <summary>The order in which each round takes the words of a block: the permutation of section 2.2, table 2, applied again
    /// and again.</summary>
    public static ReadOnlySpan<byte> Schedule =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8,
        3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1,
        10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6,
        12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4,
        9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7,
        11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13,
    ];

    /// <summary><see cref="InitialValue"/> as words.</summary>
    public static ReadOnlySpan<uint> InitialWords =>
        [IV0, IV1, IV2, IV3, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    /// <summary>Whether this processor has a way.</summary>
    public static bool IsSupported(Blake3Path path) => path switch
    {
        Blake3Path.Vector512 => Blake3Lanes512.IsSupported,
        Blake3Path.Vector256 => Blake3Lanes256.IsSupported,
        Blake3Path.Vector128 => Blake3Lanes128.IsSupported,
        _ => true,
    };

    /// <summary>Hashes whole chunks, none of which is the root.</summary>
    /// <param name="path">The way to do it.</param>
    /// <param name="input">The chunks.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="counter">The number of the first chunk.</param>
    /// <param name="values">Receives a chaining value for each.</param>
    public static void HashChunks(Blake3Path path, ref byte input, int count, ulong counter, ref byte values) =>
        Hash(path, ref input, count, parents: false, counter, ref values);

    /// <summary>Hashes parents, none of which is the root.</summary>
    /// <param name="path">The way to do it.</param>
    /// <param name="children">The chaining values of the children, two for each parent.</param>
    /// <param name="count">How many parents there are.</param>
    /// <param name="values">Receives a chaining value for each; it may be the place of the children.</param>
    public static void HashParents(Blake3Path path, ref byte children, int count, ref byte values) =>
        Hash(path, ref children, count, parents: true, counter: 0, ref values);

    /// <summary>Takes the widest vectors that what is left can fill, then narrower ones.</summary>
    private static void Hash(Blake3Path path, ref byte input, int count, bool parents, ulong counter, ref byte values)
    {
        while (count > 0)
        {
            int done;
            if (path >= Blake3Path.Vector512 && count >= (done = Blake3Lanes512.Count))
                Blake3Kernel<Blake3Lanes512, Vector512<uint>>.Hash(ref input, parents, counter, ref values);
            else if (path >= Blake3Path.Vector256 && count >= (done = Blake3Lanes256.Count))
                Blake3Kernel<Blake3Lanes256, Vector256<uint>>.Hash(ref input, parents, counter, ref values);
            else if (path >= Blake3Path.Vector128 && count >= (done = Blake3Lanes128.Count))
                Blake3Kernel<Blake3Lanes128, Vector128<uint>>.Hash(ref input, parents, counter, ref values);
            else
            {
                done = 1;
                Blake3Scalar.Hash(ref input, parents, counter, ref values);
            }
            input = ref Unsafe.Add(ref input, done * (parents ? BlockSize : ChunkSize));
            values = ref Unsafe.Add(ref values, done * ValueSize);
            counter += parents ? 0 : (uint)done;
            count -= done;
        }
    }
}
