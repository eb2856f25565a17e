using BorgStore.Backends.Rclone.Connection;

namespace BorgStore.Backends.Rclone;

/// <summary>A large value that is received from rclone while it is read.</summary>
/// <param name="answer">The response with the rest of the value.</param>
/// <param name="beginning">The beginning of the value, already received.</param>
/// <param name="length">The length of the value [bytes].</param>
/// <param name="reload">Loads the same value again, given why.</param>
/// <param name="explain">Rewords a failure for the user.</param>
internal sealed class RcloneValueStream(
    RcloneResponse answer,
    ReadOnlyMemory<byte> beginning,
    long length,
    Func<StoreException, CancellationToken, ValueTask<ValueStream?>> reload,
    Func<RcloneFailure, StoreException> explain) : ValueStream
{
    private long _position;

    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wanted = (int)Math.Min(buffer.Length, length - _position);
        if (wanted == 0) return 0;
        var read = await ReadAsync(buffer[..wanted], wanted, cancellationToken).ConfigureAwait(false);
        _position += read;
        return read;
    }

    /// <summary>Reads everything that is left. If nothing was read before, a lost connection is retried once from the start.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public override async ValueTask<byte[]> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        if (_position > 0) return await base.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await base.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error is StoreError.ConnectionLost or StoreError.Timeout)
        {
            var again = await reload(e, cancellationToken).ConfigureAwait(false);
            if (again is null) throw;
            // A second failure is reported.
            await using (again.ConfigureAwait(false))
                return again is RcloneValueStream stream
                    ? await stream.ReadOnceAsync(cancellationToken).ConfigureAwait(false)
                    : await again.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) answer.Dispose();
        base.Dispose(disposing);
    }

    private ValueTask<byte[]> ReadOnceAsync(CancellationToken cancellationToken) => base.ReadToEndAsync(cancellationToken);

    private async ValueTask<int> ReadAsync(Memory<byte> buffer, int wanted, CancellationToken cancellationToken)
    {
        if (_position < beginning.Length)
        {
            var part = beginning[(int)_position..];
            part = part[..Math.Min(part.Length, wanted)];
            part.CopyTo(buffer);
            return part.Length;
        }
        try
        {
            var read = await answer.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            return read > 0 ? read : throw new RcloneFailure(StoreError.ConnectionLost, $"rclone stopped after {_position} of {length} bytes");
        }
        catch (RcloneFailure e)
        {
            throw explain(e);
        }
    }
}
