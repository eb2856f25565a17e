using BorgStore.Hashing;

namespace BorgStore.Tests.Hashing;

public sealed class FingerprintTests
{
    [Fact]
    public void It_depends_on_every_byte_and_not_on_how_they_are_divided()
    {
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var bytes = new byte[random.Next(1, 200)];
            random.NextBytes(bytes);
            var whole = default(Fingerprint);
            whole.Append(bytes);
            var divided = default(Fingerprint);
            for (var start = 0; start < bytes.Length;)
            {
                var count = random.Next(bytes.Length - start + 1);
                divided.Append(bytes.AsSpan(start, count));
                start += count;
            }
            Assert.True(whole.Matches(divided));

            bytes[random.Next(bytes.Length)] ^= (byte)random.Next(1, 256);
            var other = default(Fingerprint);
            other.Append(bytes);
            Assert.False(whole.Matches(other));
        }
        var (shorter, longer) = (default(Fingerprint), default(Fingerprint));
        shorter.Append(new byte[5]);
        longer.Append(new byte[6]);
        Assert.False(shorter.Matches(longer));
    }
}
