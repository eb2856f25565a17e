using BorgStore.Backends;

namespace BorgStore.Tests.S3;

/// <summary>A stream of any length, in which each eight bytes encode their position.</summary>
/// <param name="size">The length [bytes]; a multiple of 1 MiB.</param>
internal sealed class PatternStream(long size) : ReadOnlyStream
{
    private long _position;

    public override long Length => size;

    /// <summary>Reads a stream to its end and asserts that it has the same bytes.</summary>
    public static async Task AssertIsAsync(Stream stream, long size, CancellationToken cancellationToken)
    {
        var (expected, buffer, wanted) = (new PatternStream(size), new byte[1 << 20], new byte[1 << 20]);
        for (var left = size; left > 0; left -= buffer.Length)
        {
            await stream.ReadExactlyAsync(buffer, cancellationToken);
            await expected.ReadExactlyAsync(wanted, cancellationToken);
            Assert.True(buffer.AsSpan().SequenceEqual(wanted));
        }
        Assert.Equal(0, await stream.ReadAsync(buffer, cancellationToken));
    }

    public override int Read(Span<byte> buffer)
    {
        buffer = buffer[..(int)Math.Min(buffer.Length, size - _position)];
        for (var i = 0; i + 8 <= buffer.Length; i += 8) BitConverter.TryWriteBytes(buffer[i..], (_position + i) * 2654435761L);
        _position += buffer.Length;
        return buffer.Length;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
}
