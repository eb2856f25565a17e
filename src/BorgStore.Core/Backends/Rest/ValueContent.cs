using System.Buffers;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>A value as the body of a request.</summary>
/// <param name="value">The value.</param>
/// <param name="computeHash">Whether to compute its SHA-256 while sending.</param>
internal sealed class ValueContent(StoreValue value, bool computeHash) : HttpContent
{
    private const int ChunkSize = 128 << 10;

    /// <summary>The watch for stalls while the body is sent.</summary>
    public StallWatch? Watch { get; set; }

    /// <summary>The turn of the request, which is taken before the last bytes are sent.</summary>
    public RequestLock.Lease? Lease { get; set; }

    /// <summary>The exception of the value's own stream.</summary>
    public ExceptionDispatchInfo? SourceFailure { get; private set; }

    /// <summary>The SHA-256 of the bytes sent.</summary>
    public byte[]? Hash { get; private set; }

    protected override bool TryComputeLength(out long length)
    {
        length = value.Length;
        return true;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (value.IsInMemory && value.Length <= ChunkSize)
        {
            await AcquireLeaseAsync(cancellationToken).ConfigureAwait(false);
            Watch?.Start();
            await stream.WriteAsync(value.Bytes, cancellationToken).ConfigureAwait(false);
            return;
        }
        var source = value.OpenStream();
        await using var _ = source.ConfigureAwait(false);
        using var hash = computeHash ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        try
        {
            var left = value.Length;
            while (await ReadSourceAsync(source, buffer, cancellationToken).ConfigureAwait(false) is > 0 and var count)
            {
                hash?.AppendData(buffer, 0, count);
                left -= count;
                if (left == 0) await AcquireLeaseAsync(cancellationToken).ConfigureAwait(false);
                Watch?.Start();
                await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        Hash = hash?.GetHashAndReset();
        await AcquireLeaseAsync(cancellationToken).ConfigureAwait(false);
        Watch?.Start();
    }

    private async ValueTask AcquireLeaseAsync(CancellationToken cancellationToken)
    {
        if (Lease is null) return;
        Watch?.Pause();
        await Lease.AcquireAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<int> ReadSourceAsync(Stream source, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        Watch?.Pause();
        try
        {
            return await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            SourceFailure = ExceptionDispatchInfo.Capture(e);
            throw;
        }
    }
}
