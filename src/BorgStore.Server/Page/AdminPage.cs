using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BorgStore.Server.Hosting;
using BorgStore.Server.Http;
using BorgStore.Server.Observability;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Page;

/// <summary>The page for administrators at <c>/-/</c>, and the requests that it makes. See docs/page.md.</summary>
/// <param name="access">Who may see what.</param>
/// <param name="sessions">The sessions.</param>
/// <param name="traffic">What happens now.</param>
/// <param name="events">What has failed.</param>
/// <param name="logger">The log.</param>
internal sealed partial class AdminPage(PageAccess access, PageSessions sessions, LiveTraffic traffic, RecentEvents events, ILogger logger)
{
    /// <summary>The header of all requests of the page, which no other site can make a browser send.</summary>
    public const string RequestHeader = "X-BorgStore-Page";

    private const string Root = "/-/";
    private const string Api = "api/";
    private const int MaxBodySize = 16 << 10;

    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>Returns a handler that answers requests for the page, and passes all others on.</summary>
    /// <param name="next">The handler of all others.</param>
    public RequestDelegate Wrap(RequestDelegate next)
        => context => IsWanted(context) && StatusPages.Find(context) is null ? HandleAsync(context) : next(context);

    private static bool IsWanted(HttpContext context)
        => context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.StartsWith(Root, StringComparison.Ordinal)
            && !RestApplication.IsOfStoreClient(context.Request);

    private async Task HandleAsync(HttpContext context)
    {
        UnauthenticatedConnections.OnHeadersReceived(context);
        SetHeaders(context.Response.Headers);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body) body.MaxRequestBodySize = MaxBodySize;
        try
        {
            await AnswerAsync(context);
        }
        catch (PageException e)
        {
            // Its body may not have been read.
            if (!IsReading(context.Request)) context.Response.Headers.Connection = "close";
            await SendErrorAsync(context, e.Status, e.Message);
        }
        catch (BadHttpRequestException e) when (!context.Response.HasStarted)
        {
            context.Response.Headers.Connection = "close";
            await SendErrorAsync(context, e.StatusCode, e.Message);
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested)
        {
            LogAborted(e.Message);
            context.Abort();
        }
        catch (Exception e)
        {
            LogFailure(e);
            if (context.Response.HasStarted) context.Abort();
            else await SendErrorAsync(context, StatusCodes.Status500InternalServerError, "The server failed; its log says why.");
        }
    }

    private static void SetHeaders(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }

    private Task AnswerAsync(HttpContext context)
    {
        var target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget[Root.Length..];
        var path = target.Split('?', 2)[0];
        if (path.StartsWith(Api, StringComparison.Ordinal)) return AnswerApiAsync(context, path[Api.Length..]);
        if (!IsReading(context.Request)) throw NoSuchMethod();
        return PageFiles.Find(path) is { } file ? SendFileAsync(context, file) : throw new PageException(StatusCodes.Status404NotFound, "There is no such page.");
    }

    private async Task AnswerApiAsync(HttpContext context, string path)
    {
        var request = context.Request;
        ThrowIfForeign(request);
        if (path == "session" && HttpMethods.IsPost(request.Method))
        {
            await LogInAsync(context);
            return;
        }

        var login = FindLogin(context);
        if (login is null && access.HasUsers && await access.FindByCertificateAsync(context) is { } certified) BeginSession(context, login = certified);
        if (login is null) throw new PageException(StatusCodes.Status401Unauthorized, "Log in first.");
        UnauthenticatedConnections.OnAuthenticated(context);
        switch (path, request.Method)
        {
            case ("session", "GET"):
                await SendJsonAsync(context, new(login.User, login.IsAdmin), PageJson.Default.SessionView);
                break;
            case ("session", "DELETE"):
                sessions.End(request.Cookies[GetCookieName(request)]);
                context.Response.Cookies.Delete(GetCookieName(request), CreateCookieOptions(request));
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                break;
            case ("live", "GET"):
                await SendJsonAsync(context, GetLive(login), PageJson.Default.LiveView);
                break;
            case ("stores", "GET"):
                await SendStoresAsync(context, login);
                break;
            case ("count", "POST"):
                (await FindStoreAsync(context, login)).Count.Start();
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            case ("verification", "GET"):
                await SendVerificationAsync(context, await FindStoreToVerifyAsync(context, login));
                break;
            case ("verification", "POST"):
                Verify(await FindStoreToVerifyAsync(context, login));
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            case ("verification", "DELETE"):
                (await FindStoreToVerifyAsync(context, login)).Verification.Stop();
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                break;
            case ("session" or "live" or "stores" or "count" or "verification", _):
                throw NoSuchMethod();
            default:
                throw new PageException(StatusCodes.Status404NotFound, "There is no such request.");
        }
    }

    // Without users there is no session, but only this machine may look.
    private PageLogin? FindLogin(HttpContext context)
    {
        if (!access.HasUsers) return PageAccess.AdmitWithoutLogin(context);
        return sessions.Continue(context.Request.Cookies[GetCookieName(context.Request)]) is { } login ? access.Refresh(login) : null;
    }

    private async Task LogInAsync(HttpContext context)
    {
        if (!access.HasUsers) throw new PageException(StatusCodes.Status409Conflict, "This server has no users to log in.");
        var request = context.Request;
        if (request.ContentType is not "application/json") throw new PageException(StatusCodes.Status415UnsupportedMediaType, "A login is JSON.");
        LoginBody? body;
        try
        {
            body = await JsonSerializer.DeserializeAsync(request.Body, PageJson.Default.LoginBody, context.RequestAborted);
        }
        catch (JsonException)
        {
            body = null;
        }
        if (body is not { User: { } user, Password: { } password }) throw new PageException(StatusCodes.Status400BadRequest, "A login has a user and a password.");

        var login = await access.LogInAsync(context, user, password);
        UnauthenticatedConnections.OnAuthenticated(context);
        BeginSession(context, login);
        await SendJsonAsync(context, new(login.User, login.IsAdmin), PageJson.Default.SessionView);
    }

    private void BeginSession(HttpContext context, PageLogin login)
    {
        var name = GetCookieName(context.Request);
        sessions.End(context.Request.Cookies[name]);
        context.Response.Cookies.Append(name, sessions.Begin(login), CreateCookieOptions(context.Request));
    }

    private LiveView GetLive(PageLogin login) => new(
        DateTime.UtcNow, access.HasStores, LiveTraffic.Interval.TotalSeconds, login.IsAdmin ? traffic.GetSamples() : null,
        traffic.GetTransfers(login.IsAdmin ? null : login.User!), login.IsAdmin ? events.GetLogins() : null, login.IsAdmin ? events.GetLog() : null);

    private async Task SendStoresAsync(HttpContext context, PageLogin login)
    {
        var stores = await access.GetStoresAsync(login, context.RequestAborted);
        var views = new List<StoreView>(stores.Count);
        foreach (var store in stores)
        {
            store.Count.StartIfNever();
            views.Add(await store.GetAsync(context.RequestAborted));
        }
        await SendJsonAsync(context, new(DateTime.UtcNow, views), PageJson.Default.StoresView);
    }

    private static Task SendVerificationAsync(HttpContext context, PageStore store)
    {
        if (store.Verification.Get(withFindings: true) is { } verification) return SendJsonAsync(context, verification, PageJson.Default.VerificationView);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static void Verify(PageStore store)
    {
        if (!store.Verification.TryStart(store.Count.Result)) throw new PageException(StatusCodes.Status409Conflict, "A verification of this store is running.");
    }

    // A store of somebody else does not exist.
    private async ValueTask<PageStore> FindStoreAsync(HttpContext context, PageLogin login)
    {
        var name = context.Request.Query["store"].ToString();
        return (await access.GetStoresAsync(login, context.RequestAborted)).FirstOrDefault(store => store.Name == name)
            ?? throw new PageException(StatusCodes.Status404NotFound, "There is no such store.");
    }

    // It reads the whole store, and its findings have names of items.
    private ValueTask<PageStore> FindStoreToVerifyAsync(HttpContext context, PageLogin login)
        => login.IsAdmin ? FindStoreAsync(context, login) : throw new PageException(StatusCodes.Status403Forbidden, "Only administrators may verify stores.");

    private static bool IsReading(HttpRequest request) => HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method);

    private static void ThrowIfForeign(HttpRequest request)
    {
        if (request.Headers[RequestHeader].Count == 0 || request.Headers["Sec-Fetch-Site"].ToString() is not ("" or "same-origin"))
            throw new PageException(StatusCodes.Status403Forbidden, $"These requests are for the page itself, which sends the header {RequestHeader}.");
    }

    private static PageException NoSuchMethod() => new(StatusCodes.Status405MethodNotAllowed, "There is no such method here.");

    // Browsers send a cookie to all ports of a host, but each server has its own sessions.
    private static string GetCookieName(HttpRequest request) => $"borgstore-page-{request.Host.Port ?? 0}";

    private static CookieOptions CreateCookieOptions(HttpRequest request) => new()
    {
        Path = Root,
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        // A proxy in front says so in this header. If anybody else does, his own cookie is not sent.
        Secure = request.IsHttps || request.Headers["X-Forwarded-Proto"].ToString() == "https",
    };

    private static Task SendFileAsync(HttpContext context, PageFile file)
    {
        // Kept, but asked for each time, so that a new version of the server has its own.
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.ContentType = file.ContentType;
        return ResponseBody.SendAsync(context, file.Content);
    }

    private static Task SendErrorAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return SendJsonAsync(context, new(text), PageJson.Default.ErrorView);
    }

    private static Task SendJsonAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        return ResponseBody.SendAsync(context, JsonSerializer.SerializeToUtf8Bytes(value, type));
    }

    [LoggerMessage(LogLevel.Debug, "A request of the page was cut off: {Reason}")]
    private partial void LogAborted(string reason);

    [LoggerMessage(LogLevel.Error, "A request of the page failed")]
    private partial void LogFailure(Exception exception);
}

/// <summary>A request that the page refuses.</summary>
/// <param name="status">The status of the response.</param>
/// <param name="message">Why, in a sentence.</param>
internal sealed class PageException(int status, string message) : Exception(message)
{
    /// <summary>The status of the response.</summary>
    public int Status => status;
}
