namespace BorgStore.Backends;

/// <summary>A value in memory as a stream.</summary>
/// <param name="bytes">The bytes.</param>
public sealed class MemoryValueStream(ReadOnlyMemory<byte> bytes) : ValueStream
{
    private int _position;

    /// <inheritdoc/>
    public override long Length => bytes.Length;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, bytes.Length - _position);
        bytes.Span.Slice(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => ValueTask.FromResult(Read(buffer.Span));
}
