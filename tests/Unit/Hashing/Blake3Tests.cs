using System.Text.Json;
using BorgStore.Hashing;

namespace BorgStore.Tests.Hashing;

/// <summary>Compares all implementations of BLAKE3 with its official vectors and with each other.</summary>
public class Blake3Tests
{
    private static readonly byte[] Data = Sample.Random(2 << 20);

    /// <summary>Lengths around the boundaries of blocks, chunks, vectors of chunks, batches and subtrees.</summary>
    private static readonly int[] Lengths =
    [
        .. new[] { 0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129 }
            .SelectMany(chunks => new[] { 0, 1, 63, 64, 65, 500, 1023 }.Select(more => chunks * 1024 + more)),
        .. new[] { 255, 256, 257, 384, 511, 512, 513, 768, 1000, 1024, 1025 }.Select(chunks => chunks * 1024 + chunks % 3),
    ];

    private static readonly Lazy<string[]> Digests =
        new(() => [.. Lengths.Select(length => Hash(Blake3Path.Scalar, Data.AsSpan(0, length)))]);

    public static TheoryData<int> Paths => [.. Enum.GetValues<Blake3Path>().Select(path => (int)path)];

    [Theory]
    [MemberData(nameof(Paths))]
    public void OfficialVectors(int path)
    {
        var supported = Supported(path);
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(
            Path.Combine(AppContext.BaseDirectory, "data", "blake3-test-vectors.json")));
        var cases = vectors.RootElement.GetProperty("cases").EnumerateArray().ToArray();
        Assert.NotEmpty(cases);
        Assert.All(cases, vector =>
        {
            var data = Sample.Counting(vector.GetProperty("input_len").GetInt32());
            Assert.Equal(vector.GetProperty("hash").GetString()![..64], Hash(supported, data));
        });
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void AllLengthsAgreeWithScalar(int path)
    {
        var supported = Supported(path);
        Assert.All(Lengths.Zip(Digests.Value), known => Assert.Equal(known.Second, Hash(supported, Data.AsSpan(0, known.First))));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void RandomPiecesAgreeWithScalar(int path)
    {
        var random = new Random(7);
        var data = Sample.Random(4 << 20);
        using var hasher = new Blake3Hasher(HashKind.Blake3, Supported(path), maxDegree: 1);
        for (var run = 0; run < 60; run++)
        {
            // Lengths of all magnitudes are equally likely, and offsets are unaligned.
            var start = random.Next(1000);
            var length = (int)Math.Exp(random.NextDouble() * Math.Log(data.Length - start));
            for (var at = 0; at < length;)
            {
                var piece = Math.Min(length - at, (int)Math.Exp(random.NextDouble() * Math.Log(length + 1)));
                hasher.Append(data.AsSpan(start + at, piece));
                at += piece;
            }
            Assert.Equal(Hash(Blake3Path.Scalar, data.AsSpan(start, length)), hasher.FinishHex());
        }
    }

    [Theory]
    [InlineData(1 << 20, 0)]
    [InlineData((1 << 20) + 1, 0)]
    [InlineData(5_000_000, 0)]
    [InlineData(8 << 20, 0)]
    [InlineData(8 << 20, 100)]
    [InlineData(8 << 20, 1024)]
    [InlineData(9_999_999, 70_000)]
    public void SeveralThreadsAgreeWithOne(int length, int first)
    {
        var data = Sample.Random(length);
        using var hasher = new Blake3Hasher(HashKind.Blake3, maxDegree: 8);
        hasher.Append(data.AsSpan(0, first));
        hasher.Append(data.AsSpan(first));
        Assert.Equal(Hash(Blake3Path.Scalar, data), hasher.FinishHex());
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void CountersBeyond32BitsReachEveryLane(int path)
    {
        // No test can hash 4 TiB, but the lanes can hash chunks with those counters.
        var data = Sample.Random(40 * Blake3.ChunkSize);
        foreach (var counter in new[] { uint.MaxValue - 5UL, uint.MaxValue, 1UL << 32, (1UL << 53) + 3 })
        {
            var expected = new byte[40 * Blake3.ValueSize];
            var actual = new byte[40 * Blake3.ValueSize];
            Blake3.HashChunks(Blake3Path.Scalar, ref data[0], 40, counter, ref expected[0]);
            Blake3.HashChunks(Supported(path), ref data[0], 40, counter, ref actual[0]);
            Assert.Equal(expected, actual);
        }
    }

    private static string Hash(Blake3Path path, ReadOnlySpan<byte> data)
    {
        using var hasher = new Blake3Hasher(HashKind.Blake3, path, maxDegree: 1);
        hasher.Append(data);
        return hasher.FinishHex();
    }

    private static Blake3Path Supported(int path)
    {
        Assert.SkipUnless(Blake3.IsSupported((Blake3Path)path), $"This processor has no {(Blake3Path)path} for BLAKE3.");
        return (Blake3Path)path;
    }
}
