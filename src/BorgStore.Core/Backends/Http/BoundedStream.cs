namespace BorgStore.Backends.Http;

/// <summary>The body of a response, limited to the size that such a response can have.</summary>
/// <param name="body">The body.</param>
/// <param name="limit">The number of bytes allowed until <see cref="Renew"/> is called.</param>
/// <param name="fail">Returns the exception for a longer body.</param>
internal sealed class BoundedStream(Stream body, long limit, Func<long, Exception> fail) : ReadOnlyStream
{
    private readonly long _limit = limit;
    private long _left = limit;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <summary>Allows the same number of bytes again, for a body with many items.</summary>
    public void Renew() => _left = _limit;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        => Count(await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) body.Dispose();
        base.Dispose(disposing);
    }

    private int Count(int read) => (_left -= read) >= 0 ? read : throw fail(_limit);
}
