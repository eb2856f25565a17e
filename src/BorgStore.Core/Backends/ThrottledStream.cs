namespace BorgStore.Backends;

/// <summary>A value that is read no faster than a limit allows.</summary>
internal sealed class ThrottledStream(Stream inner, RateLimit limit) : ValueStream
{
    public override long Length => inner.Length;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => limit.ReadAsync(inner, buffer, cancellationToken);

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
