using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using BorgStore.Backends;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Http;

/// <content>Single items: info, load, store, delete, move.</content>
internal sealed partial class RestApplication
{
    private const int SmallValue = 64 << 10;
    private const int ChunkSize = 64 << 10;
    // To send a hash before the value, the whole value must be in memory.
    private const int LargestDigestedValue = 1 << 20;

    // The total bytes of all unfinished chunked uploads.
    private long _spooled;

    private async Task TellOfItemAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetDirectory();
        using var lease = await store.EnterAsync(context.RequestAborted);
        var info = await lease.Backend.FindAsync(name, context.RequestAborted) ?? throw NotFound(name);

        var response = context.Response;
        response.ContentLength = info.Size;
        response.Headers["X-BorgStore-Is-Directory"] = info.IsDirectory ? "true" : "false";
        response.Headers["X-BorgStore-Atime"] = FormatTime(info.LastAccessTime ?? DateTime.UnixEpoch);
        response.Headers["X-BorgStore-Mtime"] = FormatTime(GetWriteTime(info));
    }

    private async Task SendValueAsync(HttpContext context, RequestTarget target)
    {
        var (request, response) = (context.Request, context.Response);
        var name = target.GetReadableName();
        var rangeHeader = request.Headers.Range.ToString();
        var range = RangeHeader.Parse(rangeHeader);

        using var lease = await store.EnterAsync(context.RequestAborted);
        await using var value = await lease.Backend.LoadAsync(name, range, context.RequestAborted) ?? throw NotFound(name);
        response.StatusCode = rangeHeader.Length > 0 ? StatusCodes.Status206PartialContent : StatusCodes.Status200OK;
        response.ContentType = "application/octet-stream";
        response.ContentLength = value.Length;
        if (range.IsWhole && value.Length <= LargestDigestedValue && ContentHash.IsWanted(request))
            await SendDigestedAsync(context, value);
        else
            await SendStreamAsync(context, value);
    }

    private static async Task SendStreamAsync(HttpContext context, Stream value)
    {
        var writer = context.Response.BodyWriter;
        for (var left = value.Length; left > 0;)
        {
            var chunk = (int)Math.Min(left, ChunkSize);
            var buffer = writer.GetMemory(chunk)[..chunk];
            await value.ReadExactlyAsync(buffer, context.RequestAborted);
            writer.Advance(chunk);
            left -= chunk;
            // A small response is sent together with its headers when the request ends.
            if (value.Length > ChunkSize && (await writer.FlushAsync(context.RequestAborted)).IsCompleted)
                throw new ConnectionAbortedException("The client closed the connection before the end of the answer.");
        }
    }

    private static async Task SendDigestedAsync(HttpContext context, ValueStream value)
    {
        var length = (int)value.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await value.ReadExactlyAsync(buffer.AsMemory(0, length), context.RequestAborted);
            ContentHash.Tell(context.Response, SHA256.HashData(buffer.AsSpan(0, length)));
            await context.Response.BodyWriter.WriteAsync(buffer.AsMemory(0, length), context.RequestAborted);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task ReceiveValueAsync(HttpContext context, RequestTarget target)
    {
        var request = context.Request;
        var name = target.GetWritableName();
        if (options.Stdio) request.Headers.Remove("Expect");
        // Checked before any of the value is read.
        options.Permissions?.Demand(name, AnyWrite);
        using var lease = await store.EnterAsync(context.RequestAborted);

        if (request.ContentLength is not { } length)
            await ReceiveChunksAsync(context, lease.Backend, name);
        else if (length <= SmallValue)
            await ReceiveSmallAsync(context, lease.Backend, name, (int)length);
        else
            await ReceiveStreamAsync(context, lease.Backend, name, request.Body, length);
    }

    // The length of a chunked value is known only at its end, but storages need it first.
    private async Task ReceiveChunksAsync(HttpContext context, IBackend backend, string name)
    {
        var room = await FindRoomAsync(backend, name, context.RequestAborted);
        var taken = 0L;
        try
        {
            await using var spool = new Spool(Take);
            var reader = context.Request.BodyReader;
            while (true)
            {
                var result = await reader.ReadAsync(context.RequestAborted);
                try
                {
                    foreach (var segment in result.Buffer) await spool.WriteAsync(segment, context.RequestAborted);
                }
                finally
                {
                    reader.AdvanceTo(result.Buffer.End);
                }
                if (result.IsCompleted) break;
            }
            await ReceiveStreamAsync(context, backend, name, spool.Read(), spool.Length);
        }
        finally
        {
            Interlocked.Add(ref _spooled, -taken);
        }

        void Take(long bytes)
        {
            taken += bytes;
            if (Interlocked.Add(ref _spooled, bytes) > room)
                throw StoreException.While(StoreError.QuotaExceeded, $"store '{name}'", name, $"it has more than the {room} bytes that are left");
        }
    }

    // Returns the maximum size of the value under the quota.
    private static async ValueTask<long> FindRoomAsync(IBackend backend, string name, CancellationToken cancellationToken)
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
    private static async Task ReceiveSmallAsync(HttpContext context, IBackend backend, string name, int length)
    {
        if (length == 0)
        {
            await StoreSmallAsync(context, backend, name, default);
            return;
        }
        var reader = context.Request.BodyReader;
        var received = (await reader.ReadAtLeastAsync(length, context.RequestAborted)).Buffer;
        var pooled = received.IsSingleSegment ? null : ArrayPool<byte>.Shared.Rent(length);
        try
        {
            if (pooled is not null) received.CopyTo(pooled);
            await StoreSmallAsync(context, backend, name, pooled is null ? received.First : pooled.AsMemory(0, length));
        }
        finally
        {
            reader.AdvanceTo(received.End);
            if (pooled is not null) ArrayPool<byte>.Shared.Return(pooled);
        }
    }

    private static ValueTask StoreSmallAsync(HttpContext context, IBackend backend, string name, ReadOnlyMemory<byte> value)
    {
        var request = context.Request;
        var (announced, isWanted) = (ContentHash.GetAnnounced(request), ContentHash.IsWanted(request));
        if (announced is not null || isWanted)
        {
            var hash = SHA256.HashData(value.Span);
            ContentHash.Check(hash, announced);
            if (isWanted) ContentHash.Tell(context.Response, hash);
        }
        return backend.StoreAsync(name, new StoreValue(value), GetMode(request), context.RequestAborted);
    }

    private async Task ReceiveStreamAsync(HttpContext context, IBackend backend, string name, Stream body, long length)
    {
        var request = context.Request;
        var isHashWanted = ContentHash.IsWanted(request);
        await using var upload = new UploadStream(body, length, ContentHash.GetAnnounced(request), isHashWanted, options.StallTimeout);
        await backend.StoreAsync(name, new StoreValue(upload, length), GetMode(request), context.RequestAborted);
        if (isHashWanted && upload.Hash is { } hash) ContentHash.Tell(context.Response, hash);
    }

    private async Task DeleteAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetReadableName();
        using var lease = await store.EnterAsync(context.RequestAborted);
        if (!await lease.Backend.DeleteAsync(name, context.RequestAborted)) throw NotFound(name);
    }

    private async Task MoveAsync(HttpContext context, RequestTarget target)
    {
        var name = RequestTarget.CheckReadable(target["current"] ?? throw Missing("current"));
        var newName = target["new"] ?? throw Missing("new");
        Naming.ItemName.CheckWritable(newName, newName);
        using var lease = await store.EnterAsync(context.RequestAborted);
        if (!await lease.Backend.MoveAsync(name, newName, GetMode(context.Request), context.RequestAborted)) throw NotFound(name);
    }

    // An extension: "If-None-Match: *" keeps an existing item from being replaced.
    private static StoreMode GetMode(HttpRequest request)
        => request.Headers.IfNoneMatch is ["*"] ? StoreMode.CreateNew : StoreMode.Overwrite;

    private static StoreException Missing(string argument) => new(StoreError.InvalidArgument, $"Missing {argument}: the query of the request has to give it.");

    private DateTime GetWriteTime(ItemInfo info)
        => _hasWriteTimes && info.LastWriteTime is { } written ? written : DateTime.UnixEpoch;

    private static string FormatTime(DateTime time) => ToSeconds(time).ToString("0.0######", CultureInfo.InvariantCulture);

    private static double ToSeconds(DateTime time) => (time - DateTime.UnixEpoch).Ticks / (double)TimeSpan.TicksPerSecond;
}
