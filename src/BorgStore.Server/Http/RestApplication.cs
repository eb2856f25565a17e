using System.Diagnostics;
using System.Text;
using BorgStore.Server.Hosting;
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
    private const long StrangersBodyLimit = 64 << 20;

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
            if (ErrorAnswers.GetStatus(e.Error) >= StatusCodes.Status500InternalServerError
                && e.Error is not (StoreError.QuotaExceeded or StoreError.NotSupported))
                LogFailure(e);
            await RefuseAsync(context, e);
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
            else await RefuseAsync(context, new StoreException(StoreError.BackendFailure, "The server failed; its log says why."));
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Strangers.SeeHead(context);
        var request = context.Request;
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (rawTarget == HealthCheck && request.Method == HttpMethods.Get)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        if (!IsMethodKnown(request.Method))
            await RefuseAsync(context, StatusCodes.Status501NotImplemented, "The server knows GET, HEAD, POST and DELETE only.", StrangersBodyLimit);
        else if (request.Headers.Accept is not [MediaType])
            await RefuseAsync(context, StatusCodes.Status406NotAcceptable, $"Not Acceptable: send exactly 'Accept: {MediaType}'.", StrangersBodyLimit);
        else if (_credentials is not null && !_credentials.Matches(request.Headers.Authorization is [{ } header] ? header : null))
        {
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"BorgStore REST Server\"";
            context.Response.Headers.CacheControl = NoCaching;
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized", StrangersBodyLimit);
        }
        else
        {
            Strangers.Admit(context);
            context.Response.Headers.CacheControl = NoCaching;
            await DispatchAsync(context, new RequestTarget(rawTarget));
        }
    }

    private Task DispatchAsync(HttpContext context, RequestTarget target)
    {
        var method = context.Request.Method;
        if (method == HttpMethods.Head) return TellOfItemAsync(context, target);
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

    private static StoreException NotFound(string name) => new(StoreError.ObjectNotFound, $"There is nothing named '{name}'.", name);

    private static bool IsClientGone(Exception e, HttpContext context)
        => context.RequestAborted.IsCancellationRequested || e is Microsoft.AspNetCore.Connections.ConnectionResetException
            or Microsoft.AspNetCore.Connections.ConnectionAbortedException || FindBadRequest(e) is not null;

    private static BadHttpRequestException? FindBadRequest(Exception e)
        // Kestrel's exception for a chunk size that overflows.
        => e as BadHttpRequestException ?? (e is IOException { InnerException: OverflowException } ? new(e.Message, e) : null);

    private Task RefuseAsync(HttpContext context, StoreException e)
    {
        context.Response.Headers[ErrorAnswers.Header] = e.Error.ToString();
        if (e.Detail is null) return RefuseAsync(context, ErrorAnswers.GetStatus(e.Error), ErrorAnswers.GetText(e), long.MaxValue);
        context.Response.Headers[ErrorAnswers.DetailHeader] = Uri.EscapeDataString(e.Detail);
        if (e.Name is not null) context.Response.Headers[ErrorAnswers.NameHeader] = Uri.EscapeDataString(e.Name);
        return RefuseAsync(context, ErrorAnswers.GetStatus(e.Error), ErrorAnswers.GetText(e), long.MaxValue);
    }

    // Many clients read no response before they have sent their body, so the rest of it is read first. A client that sent Expect may or may not
    // send its body now, so the start of its next request is unknown and the connection is closed.
    private async Task RefuseAsync(HttpContext context, int status, string text, long bodyLimit)
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
    private static Task SendWordAsync(HttpContext context, string word)
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
}
