using System.Buffers;

namespace BorgStore.Backends;

/// <summary>Base class for forward-only, read-only streams.</summary>
public abstract class ReadOnlyStream : Stream
{
    private const int MaxReadSize = 1 << 20;

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

    /// <summary>Reads by <see cref="ReadAsync(Memory{byte}, CancellationToken)"/> and blocks, so
    /// that all limits of the asynchronous method apply, such as those on time and size.</summary>
    /// <param name="buffer">The buffer.</param>
    /// <returns>The number of bytes read; 0 at the end.</returns>
    public override int Read(Span<byte> buffer)
    {
        var length = Math.Min(buffer.Length, MaxReadSize);
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        var reading = ReadAsync(bytes.AsMemory(0, length), CancellationToken.None);
        var count = reading.IsCompleted ? reading.GetAwaiter().GetResult() : reading.AsTask().GetAwaiter().GetResult();
        bytes.AsSpan(0, count).CopyTo(buffer);
        // Not returned after a failure, when something may still be writing to it.
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
