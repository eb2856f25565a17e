using System.Buffers;
using System.Globalization;
using System.Text.Json;
using BorgStore.Backends;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace BorgStore.Server.Http;

/// <content>Listings.</content>
internal sealed partial class RestApplication
{
    private const int ListingChunk = 48 << 10;
    private const int MaxPageSize = 5000;

    private async Task SendListingAsync(HttpContext context, RequestTarget target)
    {
        var directory = target.GetDirectory();
        using var lease = await store.EnterAsync(context.RequestAborted);
        context.Response.ContentType = "application/json";
        var buffer = new ArrayBufferWriter<byte>();
        await using var json = new Utf8JsonWriter(buffer);
        await using var overflow = new ListingOverflow(context, options.Stdio);

        json.WriteStartArray();
        await foreach (var item in lease.Backend.ListAsync(directory, ListScope.OneLevel, context.RequestAborted))
        {
            WriteItem(json, item, withDirectory: true);
            if (json.BytesPending + buffer.WrittenCount < ListingChunk) continue;
            json.Flush();
            await overflow.WriteAsync(buffer.WrittenMemory);
            buffer.ResetWrittenCount();
        }
        json.WriteEndArray();
        json.Flush();
        await overflow.FinishAsync(buffer.WrittenMemory);
    }

    // An extension: the files of a whole tree, so many an answer, each with the last name of the one before.
    private async Task SendTreePageAsync(HttpContext context, RequestTarget target)
    {
        var directory = target.GetDirectory();
        var limit = Math.Min(ParseNumber(target, "limit") ?? MaxPageSize, MaxPageSize);
        using var lease = await store.EnterAsync(context.RequestAborted);
        var buffer = new ArrayBufferWriter<byte>(16 << 10);
        await using var json = new Utf8JsonWriter(buffer);

        json.WriteStartObject();
        json.WriteStartArray("items");
        string? last = null;
        var count = 0;
        var isComplete = true;
        await foreach (var item in TreePage.WalkAsync(lease.Backend, directory, target["after"], context.RequestAborted))
        {
            if (count++ == limit)
            {
                isComplete = false;
                break;
            }
            WriteItem(json, item, withDirectory: false);
            last = item.Name;
        }
        json.WriteEndArray();
        if (!isComplete) json.WriteString("next", last);
        json.WriteEndObject();
        json.Flush();
        context.Response.ContentType = "application/json";
        await SendAsync(context, buffer.WrittenMemory);
    }

    private async Task SendTemporariesAsync(HttpContext context, RequestTarget target)
    {
        var age = TimeSpan.FromSeconds(ParseNumber(target, "age") ?? 0);
        using var lease = await store.EnterAsync(context.RequestAborted);
        var buffer = new ArrayBufferWriter<byte>();
        await using var json = new Utf8JsonWriter(buffer);
        json.WriteStartArray();
        await foreach (var item in lease.Backend.ListTemporaryAsync(age, context.RequestAborted))
        {
            json.WriteStartObject();
            json.WriteString("id", item.Id);
            json.WriteNumber("size", item.Size);
            // Exactly, since it comes back with the wish to delete, for this very state.
            json.WriteNumber("mtime", (item.LastWriteTime - DateTime.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.Flush();
        context.Response.ContentType = "application/json";
        await SendAsync(context, buffer.WrittenMemory);
    }

    private void WriteItem(Utf8JsonWriter json, ItemInfo item, bool withDirectory)
    {
        json.WriteStartObject();
        json.WriteString("name", item.Name);
        json.WriteNumber("size", item.Size);
        if (withDirectory) json.WriteBoolean("directory", item.IsDirectory);
        json.WriteNumber("atime", ToSeconds(item.LastAccessTime ?? DateTime.UnixEpoch));
        json.WriteNumber("mtime", ToSeconds(GetWriteTime(item)));
        json.WriteEndObject();
    }

    private static int? ParseNumber(RequestTarget target, string argument)
        => target[argument] is not { } text ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new StoreException(StoreError.InvalidArgument, $"The argument '{argument}' is no number.");

    /// <summary>Where a listing goes that is too large for one buffer: out in chunks, or where no chunks may be sent, aside until
    /// its length is known.</summary>
    private sealed class ListingOverflow(HttpContext context, bool needsLength) : IAsyncDisposable
    {
        private FileBufferingWriteStream? _spool;
        private bool _isStarted;

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            _isStarted = true;
            if (needsLength) await (_spool ??= new(SpoolInMemory)).WriteAsync(bytes, context.RequestAborted);
            else await context.Response.BodyWriter.WriteAsync(bytes, context.RequestAborted);
        }

        public async ValueTask FinishAsync(ReadOnlyMemory<byte> rest)
        {
            if (!_isStarted)
            {
                await SendAsync(context, rest);
                return;
            }
            await WriteAsync(rest);
            if (_spool is null) return;
            context.Response.ContentLength = _spool.Length;
            await _spool.DrainBufferAsync(context.Response.Body, context.RequestAborted);
        }

        public ValueTask DisposeAsync() => _spool?.DisposeAsync() ?? default;
    }
}
