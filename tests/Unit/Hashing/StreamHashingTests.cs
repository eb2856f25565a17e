using BorgStore.Hashing;

namespace BorgStore.Tests.Hashing;

public class StreamHashingTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256 * 1024 - 1)]
    [InlineData(256 * 1024)]
    [InlineData(256 * 1024 + 1)]
    [InlineData(2304 * 1024)]
    [InlineData(20_000_003)]
    public async Task A_stream_has_the_same_digest_as_memory(int length)
    {
        var data = Sample.Random(length);
        foreach (var kind in new[] { HashKind.Sha256, HashKind.Blake2b, HashKind.Blake3 })
        {
            var expected = kind.ComputeHex(data);
            Assert.Equal(expected, await kind.ComputeHexAsync(new MemoryStream(data)));
            Assert.Equal(expected, await kind.ComputeHexAsync(new TrickleStream(data)));
        }
    }

    [Fact]
    public async Task Streams_can_be_hashed_concurrently()
    {
        var data = Sample.Random(12_345_678);
        var expected = HashKind.Blake3.ComputeHex(data);
        var digests = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            await HashKind.Blake3.ComputeHexAsync(new MemoryStream(data)))));
        Assert.All(digests, digest => Assert.Equal(expected, digest));
    }

    [Fact]
    public async Task Cancellation_stops_hashing_between_blocks()
    {
        using var cancellation = new CancellationTokenSource();
        var stream = new TrickleStream(new byte[64 << 20]) { OnRead = position => { if (position > 10 << 20) cancellation.Cancel(); } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            await HashKind.Blake3.ComputeHexAsync(stream, cancellation.Token));
        Assert.InRange(stream.Position, 10 << 20, 20 << 20);
    }

    [Fact]
    public async Task An_exception_of_the_stream_propagates()
    {
        var stream = new TrickleStream(new byte[64 << 20]) { OnRead = position => { if (position > 10 << 20) throw new IOException("gone"); } };
        var exception = await Assert.ThrowsAsync<IOException>(async () => await HashKind.Sha256.ComputeHexAsync(stream));
        Assert.Equal("gone", exception.Message);
    }

    /// <summary>A stream that returns fewer bytes than requested, and asynchronously.</summary>
    private sealed class TrickleStream(byte[] data) : MemoryStream(data)
    {
        public Action<long>? OnRead { get; init; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            OnRead?.Invoke(Position);
            return Read(buffer.Span[..Math.Min(buffer.Length, 70_001)]);
        }
    }
}
