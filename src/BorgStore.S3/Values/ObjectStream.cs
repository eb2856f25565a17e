using Amazon.Runtime;
using Amazon.S3.Model;
using BorgStore.Backends.S3.Connection;

namespace BorgStore.Backends.S3.Values;

/// <summary>One version of an object, so that all requests read the same content.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Key">The key.</param>
/// <param name="ETag">The ETag of the version.</param>
/// <param name="DisplayName">The name for messages.</param>
internal sealed record ObjectVersion(BucketClient Bucket, string Key, string ETag, string DisplayName)
{
    /// <summary>Requests a range.</summary>
    public async Task<GetObjectResponse> GetAsync(long start, long length, CancellationToken cancellationToken)
    {
        var response = (await Bucket.GetAsync(Key, new(start, length), ETag, cancellationToken).ConfigureAwait(false))?.Response
            ?? throw new StoreException(StoreError.ObjectNotFound, "It was deleted while it was being loaded.", DisplayName);
        // Some servers ignore the condition.
        if (ETags.AreEqual(response.ETag, ETag)) return response;
        response.Dispose();
        throw new StoreException(StoreError.BackendFailure, "Another client changed it while it was being loaded. Load it again.", DisplayName);
    }

    /// <summary>Opens a range.</summary>
    public async ValueTask<Stream> OpenAsync(long start, long length, CancellationToken cancellationToken)
    {
        if (length == 0) return Stream.Null;
        if (length <= ParallelObjectStream.Threshold) return new ObjectStream(this, start, length, response: null);
        var response = await GetAsync(start, length, cancellationToken).ConfigureAwait(false);
        return new ParallelObjectStream(this, start, length, response);
    }
}

/// <summary>A range of an object, read from one response, and from further ones after the connection breaks.</summary>
/// <param name="version">The object.</param>
/// <param name="start">The first byte.</param>
/// <param name="length">The number of bytes.</param>
/// <param name="response">The response that starts with the first byte, if there is one already. It may be longer.</param>
internal sealed class ObjectStream(ObjectVersion version, long start, long length, GetObjectResponse? response) : ValueStream
{

    private GetObjectResponse? _response = response;
    private long _position;
    private int _failures;

    /// <inheritdoc/>
    public override long Length => length;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        buffer = buffer[..(int)Math.Min(buffer.Length, length - _position)];
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            var hasResponse = _response is not null;
            try
            {
                _response ??= await version.GetAsync(start + _position, length - _position, cancellationToken).ConfigureAwait(false);
                hasResponse = true;
                var read = await _response.ResponseStream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read == 0) throw new IOException("The server sent less than it had announced.");
                _position += read;
                if (_position == length) DropResponse();
                _failures = 0;
                return read;
            }
            catch (Exception e) when (hasResponse && IsConnectionLost(e) && _failures < S3Connection.DefaultRetry.Retries)
            {
                // A request without any response was already retried by the SDK.
                DropResponse();
                version.Bucket.Report?.Invoke(version.Key, _failures + 2, e);
                await Task.Delay(S3Connection.DefaultRetry.GetPause(_failures++)!.Value, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (S3Errors.IsFailure(e))
            {
                throw S3Errors.ToStoreException(e, version.DisplayName);
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) DropResponse();
        base.Dispose(disposing);
    }

    // A stalled connection was already waited for long enough.
    private static bool IsConnectionLost(Exception e)
        => e is IOException { InnerException: not HttpRequestException { InnerException: TimeoutException } } or HttpRequestException
            && e is not AmazonServiceException;

    private void DropResponse()
    {
        _response?.Dispose();
        _response = null;
    }
}
