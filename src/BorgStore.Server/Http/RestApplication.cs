using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;
using BorgStore.Security;
using BorgStore.Server.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Http;

/// <summary>Maps HTTP requests to a backend.</summary>
internal sealed partial class RestApplication(SharedBackend store, ServerOptions options, ILogger logger)
{
    /// <summary>The media type that clients must accept, exactly as written.</summary>
    public const string MediaType = "application/vnd.x.borgstore.rest.v1";

    private const string NoCaching = "no-store, no-cache, must-revalidate, max-age=0";
    // The version of the extensions that a client may use; includes all lower versions. See docs/protocol.md.
    private const string ExtensionsHeader = "X-BorgStore-Server";
    private const string Extensions = "2";
    private const string HealthCheck = "/?cmd=health";
    // Enough for any value that an honest client sends with a wrong password, so that it receives the 401 and not a broken connection.
    private const long UnauthenticatedBodyLimit = 64 << 20;

    // Rclone passes on the client's time, and only a time of the storage's own clock is worth returning.
    private readonly bool _hasWriteTimes = !options.Backend.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase);

    private readonly BasicCredentials? _credentials =
        options.Username is { } username ? new(username, options.Password ?? "") : null;

    /// <summary>Handles a request.</summary>
    public Task HandleAsync(HttpContext context)
        => logger.IsEnabled(LogLevel.Debug) ? HandleAndLogAsync(context) : HandleCoreAsync(context);

    private async Task HandleAndLogAsync(HttpContext context)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            await HandleCoreAsync(context);
        }
        finally
        {
            var connection = context.Connection;
            var client = connection.RemoteIpAddress is { } address ? $"{address}:{connection.RemotePort}" : options.Stdio ? "stdio" : "unix";
            var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
            LogRequest(client, context.Request.Method, target, context.Response.StatusCode, context.Request.ContentLength ?? 0,
                context.Response.ContentLength ?? 0, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
    }

    private async Task HandleCoreAsync(HttpContext context)
    {
        context.Response.Headers[ExtensionsHeader] = Extensions;
        try
        {
            await AnswerAsync(context);
        }
        catch (StoreException e) when (!context.Response.HasStarted)
        {
            if (ErrorResponses.GetStatus(e.Error) >= StatusCodes.Status500InternalServerError
                && e.Error is not (StoreError.QuotaExceeded or StoreError.NotSupported))
                LogFailure(e);
            await SendErrorAsync(context, e);
        }
        catch (Exception e) when (FindBadRequest(e) is not null && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            // The rest of such a request cannot be told from the next one.
            context.Response.Headers.Connection = "close";
            await SendTextAsync(context, FindBadRequest(e)!.StatusCode, e.Message);
        }
        catch (Exception e) when (IsClientGone(e, context))
        {
            context.Abort();
        }
        catch (Exception e)
        {
            LogFailure(e);
            // A response that has started cannot be replaced; aborting it keeps the client from taking it for complete.
            if (context.Response.HasStarted) context.Abort();
            else await SendErrorAsync(context, new StoreException(StoreError.BackendFailure, "The server failed; its log says why."));
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        UnauthenticatedConnections.OnHeadersReceived(context);
        var request = context.Request;
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (rawTarget == HealthCheck && request.Method == HttpMethods.Get)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        if (!IsMethodKnown(request.Method))
            await SendErrorAsync(context, StatusCodes.Status501NotImplemented, "The server knows GET, HEAD, POST and DELETE only.", UnauthenticatedBodyLimit);
        else if (request.Headers.Accept is not [MediaType])
            await SendErrorAsync(context, StatusCodes.Status406NotAcceptable, $"Not Acceptable: send exactly 'Accept: {MediaType}'.", UnauthenticatedBodyLimit);
        else if (_credentials is not null && !_credentials.Matches(request.Headers.Authorization is [{ } header] ? header : null))
        {
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"BorgStore REST Server\"";
            context.Response.Headers.CacheControl = NoCaching;
            await SendErrorAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized", UnauthenticatedBodyLimit);
        }
        else
        {
            UnauthenticatedConnections.OnAuthenticated(context);
            context.Response.Headers.CacheControl = NoCaching;
            await DispatchAsync(context, new RequestTarget(rawTarget));
        }
    }

    private Task DispatchAsync(HttpContext context, RequestTarget target)
    {
        var method = context.Request.Method;
        if (method == HttpMethods.Head) return SendItemInfoAsync(context, target);
        if (method == HttpMethods.Get)
            return target["cmd"] switch
            {
                "tree" => SendTreePageAsync(context, target),
                "temporaries" => SendTemporariesAsync(context, target),
                _ => target.IsListing ? SendListingAsync(context, target) : SendValueAsync(context, target),
            };
        return method == HttpMethods.Post
            ? target["cmd"] switch
            {
                null => ReceiveValueAsync(context, target),
                "create" => store.CreateAsync(context.RequestAborted),
                "mkdir" => MakeDirectoryAsync(context, target),
                "move" => MoveAsync(context, target),
                "hash" => SendHashAsync(context, target),
                "defrag" => DefragAsync(context, target),
                "gather" => GatherAsync(context),
                "quota" => SendQuotaAsync(context),
                "flush" => FlushAsync(context),
                var cmd => throw UnknownCommand(cmd),
            }
            : target["cmd"] switch
            {
                null => DeleteAsync(context, target),
                "rmdir" => RemoveDirectoryAsync(context, target),
                "destroy" => DestroyAsync(context),
                "temporary" => DeleteTemporaryAsync(context, target),
                var cmd => throw UnknownCommand(cmd),
            };
    }

    private static bool IsMethodKnown(string method)
        => method == HttpMethods.Get || method == HttpMethods.Head || method == HttpMethods.Post || method == HttpMethods.Delete;

    private static StoreException UnknownCommand(string cmd)
        => new(StoreError.InvalidArgument, $"There is no command '{cmd}' for this method.");

    private static StoreException NotFound(string name) => new(StoreError.ObjectNotFound, name: name);

    private static bool IsClientGone(Exception e, HttpContext context)
        => context.RequestAborted.IsCancellationRequested || e is Microsoft.AspNetCore.Connections.ConnectionResetException
            or Microsoft.AspNetCore.Connections.ConnectionAbortedException || FindBadRequest(e) is not null;

    private static BadHttpRequestException? FindBadRequest(Exception e)
        // Kestrel's exception for a chunk size that overflows.
        => e as BadHttpRequestException ?? (e is IOException { InnerException: OverflowException } ? new(e.Message, e) : null);

    private Task SendErrorAsync(HttpContext context, StoreException e)
    {
        context.Response.Headers[ErrorResponses.Header] = e.Error.ToString();
        context.Response.Headers[ErrorResponses.DetailHeader] = Uri.EscapeDataString(e.Detail);
        if (e.Name is not null) context.Response.Headers[ErrorResponses.NameHeader] = Uri.EscapeDataString(e.Name);
        return SendErrorAsync(context, ErrorResponses.GetStatus(e.Error), ErrorResponses.GetText(e), long.MaxValue);
    }

    // Many clients read no response before they have sent their body, so the rest of it is read first. A client that sent Expect may or may not
    // send its body now, so the start of its next request is unknown and the connection is closed.
    private async Task SendErrorAsync(HttpContext context, int status, string text, long bodyLimit)
    {
        var request = context.Request;
        if (options.Stdio) request.Headers.Remove("Expect");
        if (request.Headers.ContainsKey("Expect") || !await TryDrainAsync(context, bodyLimit))
            context.Response.Headers.Connection = "close";
        await SendTextAsync(context, status, text);
    }

    private async Task<bool> TryDrainAsync(HttpContext context, long limit)
    {
        var reader = context.Request.BodyReader;
        using var stalled = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        try
        {
            for (long drained = 0; drained <= limit;)
            {
                stalled.CancelAfter(options.StallTimeout);
                var result = await reader.ReadAsync(stalled.Token);
                drained += result.Buffer.Length;
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted) return true;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The client is gone or silent; the response is sent anyway.
        }
        return false;
    }

    private static Task SendTextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return SendAsync(context, Encoding.UTF8.GetBytes(text));
    }

    // Sends a digest or a name. Other clients compare the content type exactly, so it must not have a charset.
    private static Task SendShortTextAsync(HttpContext context, string word)
    {
        context.Response.ContentType = "text/plain";
        return SendAsync(context, Encoding.ASCII.GetBytes(word));
    }

    private static async Task SendAsync(HttpContext context, ReadOnlyMemory<byte> body)
    {
        context.Response.ContentLength = body.Length;
        if (context.Request.Method != HttpMethods.Head) await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Debug, "{Client} {Method} {Target} -> {Status}, {Received} B in, {Sent} B out, {Milliseconds:f1} ms")]
    private partial void LogRequest(string client, string method, string target, int status, long received, long sent, double milliseconds);

    [LoggerMessage(LogLevel.Error, "A request failed")]
    private partial void LogFailure(Exception exception);

    private const int SmallValue = 64 << 10;
    private const int ChunkSize = 64 << 10;
    // To send a hash before the value, the whole value must be in memory.
    private const int MaxDigestedValueSize = 1 << 20;

    // The total bytes of all unfinished chunked uploads.
    private long _spooled;

    private async Task SendItemInfoAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetDirectory();
        using var lease = await store.EnterAsync(context.RequestAborted);
        var info = await lease.Backend.FindAsync(name, context.RequestAborted) ?? throw NotFound(name);

        var response = context.Response;
        response.ContentLength = info.Size;
        response.Headers["X-BorgStore-Is-Directory"] = info.IsDirectory ? "true" : "false";
        response.Headers["X-BorgStore-Atime"] = FormatTime(info.LastAccessTime ?? DateTime.UnixEpoch);
        response.Headers["X-BorgStore-Mtime"] = FormatTime(GetWriteTime(info));
        if (info.DeletedTime is { } deleted) response.Headers["X-BorgStore-Deltime"] = FormatTime(deleted);
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
        if (range.IsWhole && value.Length <= MaxDigestedValueSize && ContentHash.IsWanted(request))
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
            ContentHash.SetDigest(context.Response, SHA256.HashData(buffer.AsSpan(0, length)));
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
        options.Permissions?.ThrowIfDenied(name, AnyWrite);
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
        var room = await GetMaxSizeAsync(backend, name, context.RequestAborted);
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
            if (isWanted) ContentHash.SetDigest(context.Response, hash);
        }
        return backend.StoreAsync(name, new StoreValue(value), GetMode(request), context.RequestAborted);
    }

    private async Task ReceiveStreamAsync(HttpContext context, IBackend backend, string name, Stream body, long length)
    {
        var request = context.Request;
        var isHashWanted = ContentHash.IsWanted(request);
        await using var upload = new UploadStream(body, length, ContentHash.GetAnnounced(request), isHashWanted, options.StallTimeout);
        await backend.StoreAsync(name, new StoreValue(upload, length), GetMode(request), context.RequestAborted);
        if (isHashWanted && upload.Hash is { } hash) ContentHash.SetDigest(context.Response, hash);
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

    private const int MaxPageSize = 5000;
    private const int MaxUnreadable = 1000;
    private const long SmallListing = 64 << 10;
    private const long MaxWaitingListingBytes = 1L << 30;

    private static readonly SemaphoreSlim Listings = new(Math.Clamp(Environment.ProcessorCount, 2, 8));
    private readonly SharedLimit _waitingListings = new(MaxWaitingListingBytes, SmallListing, "listings that are read slowly");

    private Task SendListingAsync(HttpContext context, RequestTarget target)
    {
        var (directory, prefix) = (target.GetDirectory(), target.GetPrefix());
        return SendJsonAsync(context, async (backend, answer) =>
        {
            answer.Json.WriteStartArray();
            await foreach (var item in backend.ListAsync(directory, ListScope.OneLevel, prefix, context.RequestAborted))
            {
                WriteItem(answer.Json, item, withDirectory: true);
                await answer.FlushAsync(context.RequestAborted);
            }
            answer.Json.WriteEndArray();
        });
    }

    // An extension: the files of a whole tree in pages, each starting after the last name of the previous one. With unreadable=tell, the response
    // lists the directories that cannot be read, in addition to the files of the others.
    private Task SendTreePageAsync(HttpContext context, RequestTarget target)
    {
        var (directory, prefix) = (target.GetDirectory(), target.GetPrefix());
        var unreadable = target["unreadable"] == "tell" ? new UnreadableDirectories() : null;
        var limit = Math.Min(ParseNumber(target, "limit") ?? MaxPageSize, MaxPageSize);
        return SendJsonAsync(context, async (backend, answer) =>
        {
            answer.Json.WriteStartObject();
            answer.Json.WriteStartArray("items");
            string? last = null;
            var count = 0;
            var isComplete = true;
            await foreach (var item in TreePage.WalkAsync(backend, directory, prefix, target["after"], unreadable, context.RequestAborted))
            {
                if (count++ == limit)
                {
                    isComplete = false;
                    break;
                }
                WriteItem(answer.Json, item, withDirectory: false);
                await answer.FlushAsync(context.RequestAborted);
                last = item.Name;
            }
            answer.Json.WriteEndArray();
            if (!isComplete) answer.Json.WriteString("next", last);
            if (unreadable?.Failure is { } failure)
            {
                answer.Json.WriteString("error", failure.Error.ToString());
                answer.Json.WriteStartArray("unreadable");
                foreach (var name in unreadable.Names.Take(MaxUnreadable)) answer.Json.WriteStringValue(name);
                answer.Json.WriteEndArray();
            }
            answer.Json.WriteEndObject();
        });
    }

    private Task SendTemporariesAsync(HttpContext context, RequestTarget target)
    {
        var age = TimeSpan.FromSeconds(ParseNumber(target, "age") ?? 0);
        return SendJsonAsync(context, async (backend, answer) =>
        {
            answer.Json.WriteStartArray();
            await foreach (var item in backend.ListTemporaryAsync(age, context.RequestAborted))
            {
                answer.Json.WriteStartObject();
                answer.Json.WriteString("id", item.Id);
                answer.Json.WriteNumber("size", item.Size);
                // Exact, because a later request to delete the item passes this time to identify its state.
                answer.Json.WriteNumber("mtime", (item.LastWriteTime - DateTime.UnixEpoch).Ticks / (decimal)TimeSpan.TicksPerSecond);
                answer.Json.WriteEndObject();
                await answer.FlushAsync(context.RequestAborted);
            }
            answer.Json.WriteEndArray();
        });
    }

    // Storages read and sort whole directories. Only a few of them are in memory at a time, and none while a slow client reads the response.
    private async Task SendJsonAsync(HttpContext context, Func<IBackend, JsonResponse, Task> write)
    {
        using var waiting = _waitingListings.Begin();
        await using var answer = new JsonResponse(waiting.Take);
        using (var lease = await store.EnterAsync(context.RequestAborted))
        {
            await Listings.WaitAsync(context.RequestAborted);
            try
            {
                await write(lease.Backend, answer);
            }
            finally
            {
                Listings.Release();
            }
        }
        await using var body = await answer.ReadAsync(context.RequestAborted);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await SendStreamAsync(context, body);
    }

    private void WriteItem(Utf8JsonWriter json, ItemInfo item, bool withDirectory)
    {
        json.WriteStartObject();
        json.WriteString("name", item.Name);
        json.WriteNumber("size", item.Size);
        if (withDirectory) json.WriteBoolean("directory", item.IsDirectory);
        json.WriteNumber("atime", ToSeconds(item.LastAccessTime ?? DateTime.UnixEpoch));
        json.WriteNumber("mtime", ToSeconds(GetWriteTime(item)));
        if (item.DeletedTime is { } deleted) json.WriteNumber("deltime", ToSeconds(deleted));
        json.WriteEndObject();
    }

    private static int? ParseNumber(RequestTarget target, string argument)
        => target[argument] is not { } text ? null
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new StoreException(StoreError.InvalidArgument, $"The argument '{argument}' is no number.");

    // In about the year 9998.
    private const decimal MaxSeconds = 253_300_000_000m;

    private const int MaxBlocksBody = 32 << 20;
    private const AccessRights AnyWrite = AccessRights.Write | AccessRights.Overwrite;

    // The memory that a block takes during its request; the second constant is for blocks with a new name.
    private const int BytesPerBlock = 48;
    private const int BytesPerName = 300;
    private const long SmallList = 64 << 10;
    private const long MaxBlockListBytes = 128 << 20;

    private readonly SharedLimit _heldBlocks = new(MaxBlockListBytes, SmallList, "long lists of blocks");

    private async Task DestroyAsync(HttpContext context)
    {
        // Checked before the store is closed for it.
        if (options.Permissions?.Allows("", AccessRights.Delete) == false)
            throw new StoreException(StoreError.PermissionDenied, "The store's permissions refuse to destroy it.");
        await store.DestroyAsync(context.RequestAborted);
    }

    private async Task MakeDirectoryAsync(HttpContext context, RequestTarget target)
    {
        // Without a name, it is the store's own directory, which the Python client creates when items are at the root.
        var name = target.Name.Length == 0 ? "" : target.GetWritableName();
        using var lease = await store.EnterAsync(context.RequestAborted);
        await lease.Backend.MakeDirectoryAsync(name, context.RequestAborted);
    }

    private async Task RemoveDirectoryAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetDirectory();
        using var lease = await store.EnterAsync(context.RequestAborted);
        if (!await lease.Backend.RemoveDirectoryAsync(name, context.RequestAborted)) throw NotFound(name);
    }

    private async Task SendHashAsync(HttpContext context, RequestTarget target)
    {
        var name = target.GetReadableName();
        var algorithm = HashKind.Parse(target["algorithm"] ?? HashKind.Sha256.Name);
        using var lease = await store.EnterAsync(context.RequestAborted);
        var digest = await lease.Backend.HashAsync(name, algorithm, context.RequestAborted) ?? throw NotFound(name);
        await SendShortTextAsync(context, digest);
    }

    private async Task SendQuotaAsync(HttpContext context)
    {
        using var lease = await store.EnterAsync(context.RequestAborted);
        var quota = await lease.Backend.GetQuotaAsync(context.RequestAborted);
        context.Response.ContentType = "application/json";
        await SendAsync(context, System.Text.Encoding.ASCII.GetBytes($$"""{"limit": {{quota.Limit ?? -1}}, "usage": {{quota.Used ?? -1}}}"""));
    }

    // An extension: answered once everything stored before is safe from a power failure.
    private async Task FlushAsync(HttpContext context)
    {
        using var lease = await store.EnterAsync(context.RequestAborted);
        await lease.Backend.FlushAsync(context.RequestAborted);
    }

    private async Task DeleteTemporaryAsync(HttpContext context, RequestTarget target)
    {
        var id = target["id"] ?? throw Missing("id");
        ItemName.CheckTemporary(id);
        if (!decimal.TryParse(target["mtime"] ?? throw Missing("mtime"), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            || seconds > MaxSeconds)
            throw new StoreException(StoreError.InvalidArgument, "'mtime' is no time in seconds.");
        var written = DateTime.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
        using var lease = await store.EnterAsync(context.RequestAborted);
        if (!await lease.Backend.DeleteTemporaryAsync(new TemporaryItem(id, 0, written), context.RequestAborted)) throw NotFound(id);
    }

    private async Task DefragAsync(HttpContext context, RequestTarget target)
    {
        var (algorithm, newName, ns) = (target["algorithm"], target["target"], target["namespace"]?.TrimEnd('/') ?? "");
        if (algorithm is null && newName is null) throw Missing("target or algorithm");
        if (newName is not null) ItemName.CheckWritable(newName, newName);
        if (ns.Length > 0) RequestTarget.CheckReadable(ns);

        if (newName is not null) options.Permissions?.ThrowIfDenied(newName, AnyWrite);
        else options.Permissions?.ThrowIfDeniedBelow(ns, AnyWrite);

        using var held = _heldBlocks.Begin();
        var request = new DefragRequest(await ReadBlocksAsync(context, held, allowNegativeOffsets: false))
        {
            Target = newName,
            Algorithm = newName is null ? HashKind.Parse(algorithm!) : null,
            Namespace = ns,
            Levels = ParseNumber(target, "levels") ?? 0,
            Mode = GetMode(context.Request),
        };
        using var lease = await store.EnterAsync(context.RequestAborted);
        await SendShortTextAsync(context, await lease.Backend.DefragAsync(request, context.RequestAborted));
    }

    private async Task GatherAsync(HttpContext context)
    {
        using var held = _heldBlocks.Begin();
        var blocks = await ReadBlocksAsync(context, held, allowNegativeOffsets: true);
        using var lease = await store.EnterAsync(context.RequestAborted);
        await using var value = await lease.Backend.GatherAsync(blocks, context.RequestAborted);
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = value.Length;
        await SendStreamAsync(context, value);
    }

    private async Task<IReadOnlyList<Block>> ReadBlocksAsync(HttpContext context, SharedLimit.Lease held, bool allowNegativeOffsets)
    {
        if (context.Request.ContentLength is not <= MaxBlocksBody)
            throw new StoreException(StoreError.InvalidArgument, $"The list of blocks needs a length of at most {MaxBlocksBody} bytes.");
        if (options.Stdio) context.Request.Headers.Remove("Expect");
        return await BlockList.ReadAsync(context.Request.BodyReader, allowNegativeOffsets, (name, isNewName) =>
        {
            if (isNewName) options.Permissions?.ThrowIfDenied(name, AccessRights.Read);
            held.Take(isNewName ? BytesPerName : BytesPerBlock);
        }, context.RequestAborted);
    }
}
