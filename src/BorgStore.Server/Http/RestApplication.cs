using System.Diagnostics;
using BorgStore.Server.Access;
using BorgStore.Server.Hosting;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Http;

/// <summary>The way of a request up to its handler, and of a failure back to the client: the log, the login, and errors.</summary>
internal sealed partial class RestApplication(IStoreSource stores, ILoginCheck logins, ServerOptions options, ILogger logger)
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

    private readonly RequestDispatcher _dispatcher = new(options);
    private readonly ErrorSender _errors = new(options);

    /// <summary>Returns whether a request comes from a client of a store, to which every path is the name of an item.</summary>
    public static bool IsOfStoreClient(HttpRequest request) => request.Headers.Accept is [MediaType];

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
            await _errors.SendAsync(context, e);
        }
        catch (Exception e) when (FindBadRequest(e) is not null && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            // The rest of such a request cannot be told from the next one.
            context.Response.Headers.Connection = "close";
            await ResponseBody.SendTextAsync(context, FindBadRequest(e)!.StatusCode, e.Message);
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
            else await _errors.SendAsync(context, new StoreException(StoreError.BackendFailure, "The server failed; its log says why."));
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        UnauthenticatedConnections.OnHeadersReceived(context);
        context.Features.Set(new RequestIdentity());
        var request = context.Request;
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (rawTarget == HealthCheck && request.Method == HttpMethods.Get)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        if (!RequestDispatcher.IsMethodKnown(request.Method))
            await _errors.SendAsync(context, StatusCodes.Status501NotImplemented, "The server knows GET, HEAD, POST and DELETE only.", UnauthenticatedBodyLimit);
        else if (!IsOfStoreClient(request))
            await _errors.SendAsync(context, StatusCodes.Status406NotAcceptable, $"Not Acceptable: send exactly 'Accept: {MediaType}'.", UnauthenticatedBodyLimit);
        else
            await CheckLoginAsync(context, rawTarget);
    }

    private async Task CheckLoginAsync(HttpContext context, string rawTarget)
    {
        var login = await logins.CheckAsync(context);
        if (!login.IsAllowed)
        {
            context.Response.Headers.CacheControl = NoCaching;
            await _errors.SendAsync(context, login.Status, login.Refuse(context.Response), UnauthenticatedBodyLimit);
            return;
        }
        UnauthenticatedConnections.OnAuthenticated(context);
        context.Response.Headers.CacheControl = NoCaching;
        var identity = context.Features.GetRequiredFeature<RequestIdentity>();
        identity.User = login.User;
        using var store = stores.Find(rawTarget, identity);
        await _dispatcher.HandleAsync(new(context, store.Target, store.Access));
    }

    private static bool IsClientGone(Exception e, HttpContext context)
        => context.RequestAborted.IsCancellationRequested || e is ConnectionResetException
            or ConnectionAbortedException || FindBadRequest(e) is not null;

    private static BadHttpRequestException? FindBadRequest(Exception e)
        // Kestrel's exception for a chunk size that overflows.
        => e as BadHttpRequestException ?? (e is IOException { InnerException: OverflowException } ? new(e.Message, e) : null);

    [LoggerMessage(LogLevel.Debug, "{Client} {Method} {Target} -> {Status}, {Received} B in, {Sent} B out, {Milliseconds:f1} ms")]
    private partial void LogRequest(string client, string method, string target, int status, long received, long sent, double milliseconds);

    [LoggerMessage(LogLevel.Error, "A request failed")]
    private partial void LogFailure(Exception exception);
}
