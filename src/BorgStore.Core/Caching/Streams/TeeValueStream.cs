using System.Buffers;
using BorgStore.Backends;

namespace BorgStore.Caching.Streams;

/// <summary>A part of a value for the caller, and the whole value for the cache.</summary>
/// <remarks>If the caller read its part to the end, disposing the stream waits for the rest
/// of the value to reach the cache. If it is disposed earlier, nothing is cached.</remarks>
/// <param name="source">The whole value.</param>
/// <param name="range">The part.</param>
/// <param name="pipe">The pipe into the cache.</param>
/// <param name="fill">The fill that other callers wait for.</param>
/// <param name="check">Verifies the value, if that is requested.</param>
internal sealed class TeeValueStream(ValueStream source, ByteRange range, ChunkPipe pipe, CacheFill fill, ContentCheck? check) : ValueStream
{
    private const int SkipSize = 128 * 1024;
    private readonly long _start = range.Resolve(source.Length).Start;
    private long _position;
    private long _left = range.Resolve(source.Length).Count;
    private bool _isClosed;

    /// <inheritdoc/>
    public override long Length { get; } = range.Resolve(source.Length).Count;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wanted = (int)Math.Min(buffer.Length, _left);
        if (wanted == 0) return 0;
        fill.IsReading = true;
        try
        {
            await SkipToAsync(_start, cancellationToken).ConfigureAwait(false);
            var count = await PassAsync(buffer[..wanted], cancellationToken).ConfigureAwait(false);
            _left -= count;
            return count;
        }
        finally
        {
            fill.IsReading = false;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await CloseAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) CloseAsync().AsTask().GetAwaiter().GetResult();
        base.Dispose(disposing);
    }

    private async ValueTask CloseAsync()
    {
        if (_isClosed) return;
        _isClosed = true;
        fill.IsReading = true;
        try
        {
            if (_left == 0 && !pipe.IsCanceled) await SkipToAsync(source.Length, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // The caller has what it requested. The value is not cached, and is loaded again when it is next requested.
        }
        finally
        {
            if (_position == source.Length && check?.IsValid() != false) await pipe.CompleteAsync().ConfigureAwait(false);
            else pipe.Cancel();
            check?.Dispose();
            await fill.Ended.ConfigureAwait(false);
            await source.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask SkipToAsync(long position, CancellationToken cancellationToken)
    {
        if (_position >= position) return;
        var buffer = ArrayPool<byte>.Shared.Rent(SkipSize);
        try
        {
            while (_position < position)
            {
                var wanted = (int)Math.Min(SkipSize, position - _position);
                if (await PassAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false) == 0) return;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask<int> PassAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var count = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        _position += count;
        check?.Append(buffer.Span[..count]);
        await pipe.PushAsync(buffer[..count]).ConfigureAwait(false);
        return count;
    }
}
