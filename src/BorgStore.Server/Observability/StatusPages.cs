using BorgStore.Server.Hosting;
using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace BorgStore.Server.Observability;

/// <summary>Answers whether the process runs (<c>/-/health</c>) and whether it can do its work (<c>/-/ready</c>), to everybody and with a word.</summary>
/// <param name="readiness">Whether it can do its work.</param>
internal sealed class StatusPages(Readiness readiness)
{
    private const string Health = "/-/health";
    private const string Ready = "/-/ready";

    /// <summary>Returns the word for a request for one of the pages.</summary>
    public static string? Find(HttpContext context)
        => context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget switch
        {
            Health when IsPageWanted(context.Request) => "health",
            Ready when IsPageWanted(context.Request) => "ready",
            _ => null,
        };

    /// <summary>Answers a request for one of the pages.</summary>
    /// <param name="context">The request.</param>
    /// <param name="page">The result of <see cref="Find"/>.</param>
    public async Task AnswerAsync(HttpContext context, string page)
    {
        UnauthenticatedConnections.OnHeadersReceived(context);
        var problem = page == "ready" ? await readiness.FindProblemAsync() : null;
        context.Response.Headers.CacheControl = "no-store";
        await ResponseBody.SendTextAsync(context, problem is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, (problem ?? "ok") + "\n");
    }

    /// <summary>Returns whether a request may be for a page of the server rather than for an item of the same name.</summary>
    public static bool IsPageWanted(HttpRequest request)
        => (request.Method == HttpMethods.Get || request.Method == HttpMethods.Head) && !RestApplication.IsOfStoreClient(request);
}
