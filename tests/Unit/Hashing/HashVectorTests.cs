using System.Text;
using System.Text.Json;
using BorgStore.Hashing;

namespace BorgStore.Tests.Hashing;

/// <summary>Digests that others published or computed.</summary>
public class HashVectorTests
{
    /// <summary>Of "" and "abc": RFC 1321, FIPS 180-4 and 202 (NIST's examples), RFC 7693 appendices A and B, BLAKE3's vectors.</summary>
    [Theory]
    [InlineData("md5", "", "d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("md5", "abc", "900150983cd24fb0d6963f7d28e17f72")]
    [InlineData("sha1", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709")]
    [InlineData("sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d")]
    [InlineData("sha224", "", "d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f")]
    [InlineData("sha224", "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")]
    [InlineData("sha224", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525")]
    [InlineData("sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("sha3_224", "", "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7")]
    [InlineData("sha3_224", "abc", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf")]
    [InlineData("sha3_256", "", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a")]
    [InlineData("sha3_256", "abc", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")]
    [InlineData("sha3_384", "abc",
        "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25")]
    [InlineData("sha3_512", "abc", "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e"
        + "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0")]
    [InlineData("blake2b", "", "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419"
        + "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce")]
    [InlineData("blake2b", "abc", "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")]
    [InlineData("blake2s", "", "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9")]
    [InlineData("blake2s", "abc", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982")]
    [InlineData("blake3", "", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")]
    [InlineData("blake3", "abc", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85")]
    public void Digests_match_published_test_vectors(string algorithm, string text, string digest) =>
        Assert.Equal(digest, HashKind.Parse(algorithm).ComputeHex(Encoding.ASCII.GetBytes(text)));

    /// <summary>The first 32 bytes of each output in hash mode, of https://github.com/BLAKE3-team/BLAKE3/tree/master/test_vectors.</summary>
    [Fact]
    public void Blake3_matches_its_official_test_vectors()
    {
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(
            Path.Combine(AppContext.BaseDirectory, "data", "blake3-test-vectors.json")));
        var cases = vectors.RootElement.GetProperty("cases").EnumerateArray().ToArray();
        Assert.NotEmpty(cases);
        Assert.All(cases, vector =>
        {
            var data = Sample.Counting(vector.GetProperty("input_len").GetInt32());
            Assert.Equal(vector.GetProperty("hash").GetString()![..64], HashKind.Blake3.ComputeHex(data));
        });
    }

    [Fact]
    public void Digests_match_those_of_hashlib()
    {
        foreach (var kind in HashKind.All.Where(kind => kind != HashKind.Blake3))
        {
            using var hasher = kind.CreateHasher();
            AssertAgreesWithHashlib(hasher);
        }
    }

    /// <summary>Implementations that are only used on other systems or processors.</summary>
    [Fact]
    public void Alternative_implementations_match_hashlib()
    {
        foreach (var kind in new[] { HashKind.Sha3_256, HashKind.Sha3_384, HashKind.Sha3_512 })
            AssertAgreesWithHashlib(new Sha3Hasher(kind));
        AssertAgreesWithHashlib(new Blake2bHasher(HashKind.Blake2b, inRows: false));
        AssertAgreesWithHashlib(new Blake2bHasher(HashKind.Blake2b, inRows: true));
    }

    private static void AssertAgreesWithHashlib(Hasher hasher)
    {
        using var vectors = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", "hash-vectors.json")));
        var lengths = vectors.RootElement.GetProperty("lengths").EnumerateArray();
        var digests = vectors.RootElement.GetProperty("digests").GetProperty(hasher.Kind.Name).EnumerateArray();
        Assert.Equal(digests.Select(digest => digest.GetString()), lengths.Select(length =>
        {
            hasher.Append(Sample.Counting(length.GetInt32()));
            return hasher.FinishHex();
        }));
    }
}
