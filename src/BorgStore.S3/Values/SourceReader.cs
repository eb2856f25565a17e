namespace BorgStore.Backends.S3.Values;

/// <summary>Reads the stream of a value, and tells its failure from the same exception of the connection.</summary>
internal sealed class SourceReader
{
    /// <summary>Why the stream could not be read.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Fills a buffer.</summary>
    public async ValueTask ReadAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            await stream.ReadExactlyAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Failure = e;
            throw;
        }
    }
}
