using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BorgStore.Server.Access;

/// <summary>The login by a proxy that has checked the user, and passes the name on in a header. The header counts only from a trusted
/// proxy, because anyone can send it.</summary>
/// <param name="header">The name of the header.</param>
/// <param name="addresses">Knows the trusted proxies.</param>
/// <param name="next">The logins of requests without the header.</param>
/// <param name="logger">The log.</param>
internal sealed partial class ProxyLogin(string header, ClientAddress addresses, ILoginCheck next, ILogger logger) : ILoginCheck, IDisposable
{
    /// <summary>Returns what is wrong with the name of a header, or <see langword="null"/>.</summary>
    public static string? DescribeProblem(string header)
        => header.Length == 0 || !header.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') ? "is not the name of a header such as X-Forwarded-User"
            : !header.StartsWith("X-", StringComparison.OrdinalIgnoreCase) && !header.Equals("Remote-User", StringComparison.OrdinalIgnoreCase) ? "is a header of HTTP itself. Choose one that begins with X-, such as X-Forwarded-User"
            : header.Equals("X-Forwarded-For", StringComparison.OrdinalIgnoreCase) ? "has the address of the client"
            : null;

    /// <inheritdoc/>
    public ValueTask<LoginResult> CheckAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        if (!addresses.IsFromProxy(context)) headers.Remove(header);
        var users = headers[header];
        if (users.Count == 0) return next.CheckAsync(context);
        // Two names, of which one would be the client's own, are also those that another proxy has joined.
        if (users is [{ } user] && !user.Contains(',') && PasswordFile.DescribeNameProblem(user) is null) return new(new LoginResult(StatusCodes.Status200OK, user));
        LogRefused(header, addresses.Get(context));
        return new(LoginResult.Unauthorized);
    }

    /// <inheritdoc/>
    public string? FindEntry(string user) => next.FindEntry(user);

    public void Dispose() => (next as IDisposable)?.Dispose();

    [LoggerMessage(LogLevel.Warning, "Login refused: the proxy's header {Header} for {Address} is not the name of one user")]
    private partial void LogRefused(string header, string address);
}
