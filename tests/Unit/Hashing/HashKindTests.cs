using BorgStore.Hashing;

namespace BorgStore.Tests.Hashing;

public class HashKindTests
{
    [Theory]
    [InlineData("md5", "MD5", 16)]
    [InlineData("sha1", "SHA1", 20)]
    [InlineData("sha224", "SHA224", 28)]
    [InlineData("sha256", "SHA256", 32)]
    [InlineData("sha384", "SHA384", 48)]
    [InlineData("sha512", "SHA512", 64)]
    [InlineData("sha3_224", "SHA3_224", 28)]
    [InlineData("sha3_256", "SHA3_256", 32)]
    [InlineData("sha3_384", "SHA3_384", 48)]
    [InlineData("sha3_512", "SHA3_512", 64)]
    [InlineData("blake2b", "BLAKE2b", 64)]
    [InlineData("blake2s", "BLAKE2s", 32)]
    [InlineData("blake3", "BLAKE3", 32)]
    public void Parse_accepts_names_and_display_names(string name, string displayName, int digestSize)
    {
        var kind = HashKind.Parse(name);
        Assert.Same(kind, HashKind.Parse(displayName));
        Assert.Equal((name, displayName, digestSize), (kind.Name, kind.DisplayName, kind.DigestSize));
        Assert.Equal(name, kind.ToString());
        Assert.Contains(kind, HashKind.All);
    }

    [Fact]
    public void Names_are_unique()
    {
        Assert.Equal(13, HashKind.All.Count);
        Assert.Equal(13, HashKind.All.Select(kind => kind.Name).Distinct().Count());
    }

    [Theory]
    [InlineData("SHA256", "sha256")]
    [InlineData("sha-256", "sha256")]
    [InlineData("Sha_1", "sha1")]
    [InlineData("MD-5", "md5")]
    [InlineData("SHA3-256", "sha3_256")]
    [InlineData("sha3256", "sha3_256")]
    [InlineData("SHA-3-512", "sha3_512")]
    [InlineData("BLAKE2b", "blake2b")]
    [InlineData("BLAKE-2S", "blake2s")]
    [InlineData("blake-3", "blake3")]
    public void Parse_accepts_any_spelling(string text, string name) => Assert.Equal(name, HashKind.Parse(text).Name);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("sha")]
    [InlineData("sha2")]
    [InlineData("sha25")]
    [InlineData("sha2566")]
    [InlineData("sha3_")]
    [InlineData("sha3")]
    [InlineData("-sha256")]
    [InlineData("sha256-")]
    [InlineData("s-ha256")]
    [InlineData("sha--256")]
    [InlineData(" sha256")]
    [InlineData("blake2")]
    [InlineData("crc32")]
    public void Parse_rejects_unknown_names(string? text)
    {
        Assert.False(HashKind.TryParse(text, out var kind));
        Assert.Null(kind);
        var exception = Assert.Throws<StoreException>(() => HashKind.Parse(text!));
        Assert.Equal(StoreError.InvalidArgument, exception.Error);
        Assert.All(HashKind.All, known => Assert.Contains(known.Name, exception.Message));
    }

    [Fact]
    public void The_message_for_an_unknown_name_is_one_short_line()
    {
        var message = Assert.Throws<StoreException>(() => HashKind.Parse("x\r\nSet-Cookie: a=b" + new string('y', 1000))).Message;
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain('\r', message);
        Assert.InRange(message.Length, 1, 250);
    }
}
