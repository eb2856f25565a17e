using System.Buffers;
using BorgStore.Backends;
using BorgStore.Security;
using BorgStore.Server.Stores;

namespace BorgStore.Server.Http.Handlers;

/// <summary>Handles uploads of values.</summary>
internal sealed class UploadHandler(ServerOptions options, HashedNamespaces hashed)
{
    private const int SmallValue = 64 << 10;

    public async Task ReceiveValueAsync(StoreRequest request)
    {
        var http = request.Http;
        var name = request.Target.GetWritableName();
        if (options.Stdio) http.Headers.Remove("Expect");
        // Checked before any of the value is read.
        request.Store.ThrowIfDenied(name, PermissionMap.AnyWrite);
        using var hash = new UploadHash(ContentHash.GetAnnounced(http), ContentHash.IsWanted(http), hashed.Find(name));
        using var lease = await request.EnterAsync();

        if (http.ContentLength is not { } length)
            await ReceiveChunksAsync(request, lease.Backend, name, hash);
        else if (length <= SmallValue)
            await ReceiveSmallAsync(request, lease.Backend, name, (int)length, hash);
        else
            await ReceiveStreamAsync(request, lease.Backend, name, http.Body, length, hash);
        if (hash.Wanted is { } digest) ContentHash.SetDigest(request.Response, digest);
    }

    // The length of a chunked value is known only at its end, but storages need it first.
    private async Task ReceiveChunksAsync(StoreRequest request, IBackend backend, string name, UploadHash hash)
    {
        var room = await GetMaxSizeAsync(backend, name, request.Aborted);
        var taken = 0L;
        try
        {
            await using var spool = new Spool(Take);
            var reader = request.Http.BodyReader;
            while (true)
            {
                var result = await reader.ReadAsync(request.Aborted);
                try
                {
                    foreach (var segment in result.Buffer) await spool.WriteAsync(segment, request.Aborted);
                }
                finally
                {
                    reader.AdvanceTo(result.Buffer.End);
                }
                if (result.IsCompleted) break;
            }
            // No read of an empty stream would check the hash.
            if (spool.Length == 0) await StoreSmallAsync(request, backend, name, default, hash);
            else await ReceiveStreamAsync(request, backend, name, spool.Read(), spool.Length, hash);
        }
        finally
        {
            request.Store.AddSpooled(-taken);
        }

        void Take(long bytes)
        {
            taken += bytes;
            if (request.Store.AddSpooled(bytes) > room)
                throw new StoreException(StoreError.QuotaExceeded, $"it has more than the {room} bytes that are left").Explain($"store '{name}'", name);
        }
    }

    // Returns the maximum size of the value under the quota.
    private static async ValueTask<long> GetMaxSizeAsync(IBackend backend, string name, CancellationToken cancellationToken)
    {
        if (await backend.GetQuotaAsync(cancellationToken) is not { Limit: { } limit, Used: { } used }) return long.MaxValue;
        try
        {
            var replaced = await backend.FindAsync(name, cancellationToken) is { IsDirectory: false } item ? item.Size : 0;
            return Math.Max(0, limit - used) + replaced;
        }
        catch (StoreException e) when (e.Error == StoreError.PermissionDenied)
        {
            // The client may replace the item even if it may not see its size.
            return limit;
        }
    }

    // Small values are stored directly from the receive buffer, or from a pooled array.
    private static async Task ReceiveSmallAsync(StoreRequest request, IBackend backend, string name, int length, UploadHash hash)
    {
        if (length == 0)
        {
            await StoreSmallAsync(request, backend, name, default, hash);
            return;
        }
        var reader = request.Http.BodyReader;
        var received = (await reader.ReadAtLeastAsync(length, request.Aborted)).Buffer;
        var pooled = received.IsSingleSegment ? null : ArrayPool<byte>.Shared.Rent(length);
        try
        {
            if (pooled is not null) received.CopyTo(pooled);
            await StoreSmallAsync(request, backend, name, pooled is null ? received.First : pooled.AsMemory(0, length), hash);
        }
        finally
        {
            reader.AdvanceTo(received.End);
            if (pooled is not null) ArrayPool<byte>.Shared.Return(pooled);
        }
    }

    private static ValueTask StoreSmallAsync(StoreRequest request, IBackend backend, string name, ReadOnlyMemory<byte> value, UploadHash hash)
    {
        hash.Check(value.Span);
        return backend.StoreAsync(name, new StoreValue(value), request.Mode, request.Aborted);
    }

    private async Task ReceiveStreamAsync(StoreRequest request, IBackend backend, string name, Stream body, long length, UploadHash hash)
    {
        await using var upload = new UploadStream(body, length, hash, options.StallTimeout);
        await backend.StoreAsync(name, new StoreValue(upload, length), request.Mode, request.Aborted);
    }
}
