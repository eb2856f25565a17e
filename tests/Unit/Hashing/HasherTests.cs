using BorgStore.Hashing;
using FsCheck;
using FsCheck.Fluent;

namespace BorgStore.Tests.Hashing;

public class HasherTests
{
    public static TheoryData<string> Algorithms => [.. HashKind.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Appending_pieces_gives_the_digest_of_the_whole(string algorithm)
    {
        var kind = HashKind.Parse(algorithm);
        using var hasher = kind.CreateHasher();
        Prop.ForAll(ArbMap.Default.ArbFor<NonNegativeInt[]>(), lengths =>
        {
            // FsCheck's numbers are small; multiplied, they cross the boundaries of blocks and chunks.
            var pieces = lengths.Select((length, i) => Sample.Random(length.Get * (1 + 37 * (i % 3)), i)).ToArray();
            foreach (var piece in pieces)
                hasher.Append(piece);
            return hasher.FinishHex() == kind.ComputeHex([.. pieces.SelectMany(piece => piece)]);
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true));
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_hasher_can_be_reused(string algorithm)
    {
        var kind = HashKind.Parse(algorithm);
        var data = Sample.Random(5000);
        var expected = kind.ComputeHex(data);
        using var hasher = kind.CreateHasher();
        Assert.Same(kind, hasher.Kind);
        for (var i = 0; i < 2; i++)
        {
            hasher.Append(data);
            Assert.Equal(expected, hasher.FinishHex());
        }
        hasher.Append(data);
        hasher.Reset();
        Assert.Equal(kind.ComputeHex([]), hasher.FinishHex());
        hasher.Append(data);
        Span<byte> digest = stackalloc byte[kind.DigestSize + 1];
        hasher.Finish(digest);
        Assert.Equal(expected, Convert.ToHexString(digest[..^1]).ToLowerInvariant());
        Assert.Equal(0, digest[^1]);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Finish_rejects_a_destination_that_is_too_short(string algorithm)
    {
        var kind = HashKind.Parse(algorithm);
        using var hasher = kind.CreateHasher();
        Assert.Throws<ArgumentException>(() => hasher.Finish(new byte[kind.DigestSize - 1]));
    }
}
