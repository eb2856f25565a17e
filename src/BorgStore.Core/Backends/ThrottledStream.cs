namespace BorgStore.Backends;

/// <summary>A value that is read no faster than a limit allows.</summary>
internal sealed class ThrottledStream(Stream inner, RateLimit limit) : ValueStream
{
    public override long Length => inner.Length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer.Length <= limit.Piece ? buffer : buffer[..limit.Piece], cancellationToken).ConfigureAwait(false);
        await limit.TakeAsync(read, cancellationToken).ConfigureAwait(false);
        return read;
    }

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
