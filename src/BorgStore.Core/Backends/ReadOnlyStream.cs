using System.Buffers;

namespace BorgStore.Backends;

/// <summary>The part that is the same for every stream that is only read, and only forward.</summary>
public abstract class ReadOnlyStream : Stream
{
    private const int LongestRead = 1 << 20;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads by <see cref="ReadAsync(Memory{byte}, CancellationToken)"/> and waits, so that whatever limits that one limits this one
    /// too: how long bytes may take to come, how many there may be.</summary>
    /// <param name="buffer">Where the bytes go.</param>
    /// <returns>The number of bytes that were read; 0 at the end.</returns>
    public override int Read(Span<byte> buffer)
    {
        var length = Math.Min(buffer.Length, LongestRead);
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        var reading = ReadAsync(bytes.AsMemory(0, length), CancellationToken.None);
        var count = reading.IsCompleted ? reading.GetAwaiter().GetResult() : reading.AsTask().GetAwaiter().GetResult();
        bytes.AsSpan(0, count).CopyTo(buffer);
        // Not after a failure: what failed may still be writing into it.
        ArrayPool<byte>.Shared.Return(bytes);
        return count;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
