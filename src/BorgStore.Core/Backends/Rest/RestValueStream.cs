using System.Security.Cryptography;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>A value that is received while it is read. If possible, its hash is checked at the last byte.</summary>
/// <param name="response">The response that contains it.</param>
/// <param name="body">Its body.</param>
/// <param name="length">The number of bytes of the body to read.</param>
/// <param name="client">The client whose timeouts and errors apply.</param>
/// <param name="fetchHash">Requests the SHA-256 of the value; <see langword="null"/> if it cannot be checked.</param>
internal sealed class RestValueStream(
    HttpResponseMessage response, Stream body, long length, RestClient client, Func<CancellationToken, ValueTask<string?>>? fetchHash) : ValueStream
{
    private readonly long _length = length;
    private readonly IncrementalHash? _hash = fetchHash is null ? null : IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _left = length;

    public override long Length => _length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_left == 0 || buffer.Length == 0) return 0;
        var count = await ReadBodyAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken).ConfigureAwait(false);
        if (count == 0) throw client.CreateLostException(new EndOfStreamException($"{_left} of {_length} bytes are missing."));
        _hash?.AppendData(buffer.Span[..count]);
        _left -= count;
        if (_left == 0 && fetchHash is not null) await CheckAsync(fetchHash, cancellationToken).ConfigureAwait(false);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            response.Dispose();
            _hash?.Dispose();
        }
        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadBodyAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        using var watch = new StallWatch(client.StallTimeout, cancellationToken);
        watch.Start();
        try
        {
            return await body.ReadAsync(buffer, watch.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StoreException(StoreError.Timeout, $"The REST server sent nothing more for {client.StallTimeout.TotalSeconds:0} s.", innerException: e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw client.CreateLostException(e);
        }
    }

    private async ValueTask CheckAsync(Func<CancellationToken, ValueTask<string?>> fetch, CancellationToken cancellationToken)
    {
        // The item was deleted meanwhile, so there is nothing to compare with.
        if (await fetch(cancellationToken).ConfigureAwait(false) is not { } expected) return;
        if (!expected.Equals(Convert.ToHexString(_hash!.GetHashAndReset()), StringComparison.OrdinalIgnoreCase))
            throw new StoreException(StoreError.HashMismatch, "The loaded value is not the one on the server: it was corrupted in transit, or replaced in the meantime. Load it again.");
    }
}
