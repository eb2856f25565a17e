using System.Buffers;
using System.Threading.Channels;
using BorgStore.Backends;

namespace BorgStore.Caching.Streams;

/// <summary>Transfers a value into the cache while it passes by: one side pushes its bytes, the other reads them as a stream.</summary>
/// <remarks>The last bytes are held back until <see cref="CompleteAsync"/>, so that a value that is given up earlier is incomplete and the
/// cache refuses it. At most a few chunks are in flight; a slow reader slows the other side down, but one that stopped does not.</remarks>
internal sealed class ChunkPipe : ReadOnlyStream
{
    private const int ChunkSize = 128 * 1024;
    private const int MaxChunks = 4;

    private readonly Channel<ArraySegment<byte>> _chunks
        = Channel.CreateBounded<ArraySegment<byte>>(new BoundedChannelOptions(MaxChunks) { SingleReader = true, SingleWriter = true });
    private ArraySegment<byte> _held;
    private ArraySegment<byte> _reading;
    private int _read;
    private volatile bool _isCanceled;

    /// <summary>Whether the value was given up.</summary>
    public bool IsCanceled => _isCanceled;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <summary>Pushes the next bytes.</summary>
    public async ValueTask PushAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var count = Math.Min(bytes.Length, ChunkSize);
            var chunk = ArrayPool<byte>.Shared.Rent(count);
            bytes[..count].CopyTo(chunk);
            bytes = bytes[count..];
            await ReleaseHeldAsync().ConfigureAwait(false);
            _held = new(chunk, 0, count);
        }
    }

    /// <summary>Marks the value as complete, so that it may be kept.</summary>
    public async ValueTask CompleteAsync()
    {
        await ReleaseHeldAsync().ConfigureAwait(false);
        _chunks.Writer.TryComplete();
    }

    /// <summary>Gives the value up.</summary>
    public void Cancel()
    {
        _isCanceled = true;
        _chunks.Writer.TryComplete();
    }

    /// <summary>Stops accepting bytes, because nobody reads them any more.</summary>
    public void Stop() => _chunks.Writer.TryComplete();

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_read == _reading.Count)
        {
            if (_reading.Array is { } done) ArrayPool<byte>.Shared.Return(done);
            (_reading, _read) = (default, 0);
            if (_chunks.Reader.TryRead(out _reading) || await _chunks.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)) continue;
            return IsCanceled ? throw new OperationCanceledException("The value was not read to its end.") : 0;
        }
        var count = Math.Min(buffer.Length, _reading.Count - _read);
        _reading.AsMemory(_read, count).CopyTo(buffer);
        _read += count;
        return count;
    }

    private async ValueTask ReleaseHeldAsync()
    {
        if (_held.Count == 0) return;
        var chunk = _held;
        _held = default;
        while (await _chunks.Writer.WaitToWriteAsync().ConfigureAwait(false))
            if (_chunks.Writer.TryWrite(chunk))
                return;
    }
}
