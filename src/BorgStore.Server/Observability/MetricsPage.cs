using BorgStore.Server.Access;
using BorgStore.Server.Hosting;
using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace BorgStore.Server.Observability;

/// <summary>The metrics for Prometheus on the port of the stores, with a login.</summary>
/// <param name="send">Sends the metrics.</param>
/// <param name="logins">Checks logins.</param>
/// <param name="mayRead">Returns whether a user may read them.</param>
internal sealed class MetricsPage(RequestDelegate send, ILoginCheck logins, Func<string, bool> mayRead)
{
    /// <summary>Returns whether a request is for the metrics.</summary>
    public static bool IsWanted(HttpContext context)
        => context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget is var target && target.StartsWith(MetricsExport.Path, StringComparison.Ordinal)
            && (target.Length == MetricsExport.Path.Length || target[MetricsExport.Path.Length] == '?')
            && StatusPages.IsPageWanted(context.Request);

    /// <summary>Answers a request.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        UnauthenticatedConnections.OnHeadersReceived(context);
        var response = context.Response;
        response.Headers.CacheControl = "no-store";
        var login = await logins.CheckAsync(context);
        context.Features.Set(new RequestIdentity { User = login.User });
        if (login.IsAllowed && (login.User is not { } user || mayRead(user)))
        {
            UnauthenticatedConnections.OnAuthenticated(context);
            await send(context);
            return;
        }
        if (login.IsAllowed)
            await ResponseBody.SendTextAsync(context, StatusCodes.Status403Forbidden, "Metrics are for administrators, and for users with \"metrics\": true in the rights file.");
        else
            await ResponseBody.SendTextAsync(context, login.Status, login.Refuse(response));
    }
}
