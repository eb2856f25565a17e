using BorgStore.Backends;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>The body of an upload, hashed while the backend reads it.</summary>
/// <remarks>If the hash is not the expected one, the last read throws, so that the backend stores nothing.</remarks>
/// <param name="body">The body.</param>
/// <param name="length">The length of the body, at least 1 [bytes].</param>
/// <param name="hash">The hashes of the body, which are checked at its end.</param>
/// <param name="stallTimeout">The maximum time to wait for data from the client.</param>
internal sealed class UploadStream(Stream body, long length, UploadHash hash, TimeSpan stallTimeout) : ReadOnlyStream
{
    private readonly CancellationTokenSource _stalled = new();
    private readonly long _length = length;
    private long _left = length;

    public override long Length => _length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0) return 0;
        var wanted = buffer[..(int)Math.Min(buffer.Length, _left)];
        var read = body.ReadAsync(wanted, _stalled.Token);
        var count = read.IsCompletedSuccessfully ? read.Result : await WaitAsync(read, cancellationToken);
        if (count == 0) throw new BadHttpRequestException("The body ended before its announced length.");

        _left -= count;
        hash.Append(wanted.Span[..count]);
        if (_left == 0) hash.Check();
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        _stalled.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask<int> WaitAsync(ValueTask<int> read, CancellationToken cancellationToken)
    {
        _stalled.CancelAfter(stallTimeout);
        try
        {
            return await read;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new BadHttpRequestException("The client sent nothing for too long.", StatusCodes.Status408RequestTimeout);
        }
        finally
        {
            _stalled.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }
}
