namespace BorgStore.Backends.Http;

/// <summary>The body of an answer, of which only as many bytes are read as such an answer can have.</summary>
/// <param name="body">The body.</param>
/// <param name="limit">The number of bytes that may come until <see cref="Renew"/> is called.</param>
/// <param name="fail">Returns the exception for a body that is longer.</param>
internal sealed class BoundedStream(Stream body, long limit, Func<long, Exception> fail) : ReadOnlyStream
{
    private readonly long _limit = limit;
    private long _left = limit;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <summary>Allows the same number of bytes again, for a body of many items.</summary>
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
