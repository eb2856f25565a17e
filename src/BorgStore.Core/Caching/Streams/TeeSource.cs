using BorgStore.Backends;

namespace BorgStore.Caching.Streams;

/// <summary>A value that is pushed to the cache while the storage reads it.</summary>
/// <param name="source">The value.</param>
/// <param name="pipe">The pipe into the cache.</param>
internal sealed class TeeSource(Stream source, ChunkPipe pipe) : ReadOnlyStream
{
    /// <inheritdoc/>
    public override long Length => source.Length;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        await pipe.PushAsync(buffer[..count]).ConfigureAwait(false);
        return count;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await source.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }
}
