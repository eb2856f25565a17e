using BorgStore.Hashing;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Digests;

namespace BorgStore.Tests.Hashing;

/// <summary>The hashes that the framework lacks, against those of BouncyCastle.</summary>
public class HashOracleTests
{
    private const int LongestSample = 1 << 20;
    private static readonly byte[] Data = Sample.Random(LongestSample + 1000);

    private static readonly Dictionary<string, (Func<Hasher> Create, Func<IDigest> CreateOracle)> Pairs = new()
    {
        ["sha224"] = (HashKind.Sha224.CreateHasher, () => new Sha224Digest()),
        ["sha3_224"] = (HashKind.Sha3_224.CreateHasher, () => new Sha3Digest(224)),
        // On systems whose framework has no SHA-3 these are ours too.
        ["sha3_256"] = (() => new Sha3Hasher(HashKind.Sha3_256), () => new Sha3Digest(256)),
        ["sha3_384"] = (() => new Sha3Hasher(HashKind.Sha3_384), () => new Sha3Digest(384)),
        ["sha3_512"] = (() => new Sha3Hasher(HashKind.Sha3_512), () => new Sha3Digest(512)),
        ["blake2b, in words"] = (() => new Blake2bHasher(HashKind.Blake2b, inRows: false), () => new Blake2bDigest(512)),
        ["blake2b, in rows"] = (() => new Blake2bHasher(HashKind.Blake2b, inRows: true), () => new Blake2bDigest(512)),
        ["blake2s"] = (HashKind.Blake2s.CreateHasher, () => new Blake2sDigest(256)),
        ["blake3"] = (HashKind.Blake3.CreateHasher, () => new Blake3Digest(256)),
    };

    public static TheoryData<string> Names => [.. Pairs.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_length_up_to_several_blocks_matches_the_oracle(string name)
    {
        using var hasher = Pairs[name].Create();
        var oracle = Pairs[name].CreateOracle();
        for (var length = 0; length <= 1200; length++)
            AssertSame(hasher, oracle, Data.AsSpan(0, length));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Random_pieces_match_the_oracles_digest_of_the_whole(string name)
    {
        var random = new Random(7);
        using var hasher = Pairs[name].Create();
        var oracle = Pairs[name].CreateOracle();
        for (var run = 0; run < 300; run++)
        {
            // Lengths of all magnitudes alike, at offsets that are aligned to nothing.
            var data = Data.AsSpan(random.Next(1000), NextLength(random, LongestSample));
            for (var at = 0; at < data.Length;)
            {
                var piece = Math.Min(data.Length - at, NextLength(random, data.Length + 1));
                hasher.Append(data.Slice(at, piece));
                at += piece;
            }
            Assert.Equal(Hash(oracle, data), hasher.FinishHex());
        }
    }

    /// <summary>One piece each, so that every width of vectors meets every remainder.</summary>
    [Fact]
    public void Blake3_matches_the_oracle_around_the_boundaries_of_its_tree()
    {
        using var hasher = HashKind.Blake3.CreateHasher();
        var oracle = new Blake3Digest(256);
        int[] chunks = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 512, 513];
        foreach (var length in chunks.SelectMany(count => new[] { -1, 0, 1, 63, 64, 65, 500, 1023 }.Select(more => count * 1024 + more)))
            AssertSame(hasher, oracle, Data.AsSpan(0, length));
    }

    private static int NextLength(Random random, int limit) => (int)Math.Exp(random.NextDouble() * Math.Log(limit));

    private static void AssertSame(Hasher hasher, IDigest oracle, ReadOnlySpan<byte> data)
    {
        hasher.Append(data);
        Assert.Equal(Hash(oracle, data), hasher.FinishHex());
    }

    private static string Hash(IDigest oracle, ReadOnlySpan<byte> data)
    {
        var digest = new byte[oracle.GetDigestSize()];
        oracle.BlockUpdate(data);
        oracle.DoFinal(digest);
        return Convert.ToHexString(digest).ToLowerInvariant();
    }
}
