using System.Security.Cryptography;
using BorgStore.Backends;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <summary>The body of a request on its way to the backend, hashed as it passes.</summary>
/// <remarks>Where the hash is not the announced one, it fails instead of handing out the last bytes, so that the backend leaves
/// nothing behind.</remarks>
/// <param name="body">The body.</param>
/// <param name="length">How many bytes it has.</param>
/// <param name="expectedHash">The SHA-256 that it should have, in hex; <see langword="null"/> where none was announced.</param>
/// <param name="computeHash">Whether to compute the hash though none was announced.</param>
/// <param name="stallTimeout">How long the client may send nothing.</param>
internal sealed class UploadStream(Stream body, long length, string? expectedHash, bool computeHash, TimeSpan stallTimeout) : ReadOnlyStream
{
    private readonly IncrementalHash? _hash =
        computeHash || expectedHash is not null ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
    private readonly CancellationTokenSource _stalled = new();
    private readonly long _length = length;
    private long _left = length;

    /// <summary>The hash of what was read; there once all was.</summary>
    public byte[]? Hash { get; private set; }

    public override long Length => _length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0) return 0;
        var wanted = buffer[..(int)Math.Min(buffer.Length, _left)];
        var read = body.ReadAsync(wanted, _stalled.Token);
        var count = read.IsCompletedSuccessfully ? read.Result : await WaitAsync(read, cancellationToken);
        if (count == 0) throw new BadHttpRequestException("The body ended before its announced length.");

        _left -= count;
        _hash?.AppendData(wanted.Span[..count]);
        if (_left == 0) CheckHash();
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        _hash?.Dispose();
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

    private void CheckHash()
    {
        if (_hash is null) return;
        Hash = _hash.GetHashAndReset();
        ContentHash.Check(Hash, expectedHash);
    }
}
