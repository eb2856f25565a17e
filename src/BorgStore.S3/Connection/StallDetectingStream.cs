using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The body of a response, with a limit on the time to wait for bytes. The time
/// runs only while a read is pending, because a caller may pause for long.</summary>
/// <param name="body">The body.</param>
/// <param name="watch">Measures the time.</param>
internal sealed class StallDetectingStream(Stream body, StallWatch watch) : ReadOnlyStream
{
    public override long Length => throw new NotSupportedException();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var linked = cancellationToken.CanBeCanceled
            ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, watch.Token)
            : null;
        watch.Start();
        try
        {
            return await body.ReadAsync(buffer, linked?.Token ?? watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (watch.HasStalled)
        {
            throw new IOException("The transfer of the value stalled.", StallHandler.Stalled(watch, e));
        }
        finally
        {
            watch.Pause();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            body.Dispose();
            watch.Dispose();
        }
        base.Dispose(disposing);
    }
}
