using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Access;

/// <summary>The login of a server with one user, or with none at all.</summary>
internal sealed class SingleLogin(string? username, string? password) : ILoginCheck
{
    private readonly BasicCredentials? _credentials = username is null ? null : new(username, password ?? "");

    /// <inheritdoc/>
    public ValueTask<LoginResult> CheckAsync(HttpContext context)
        => new(_credentials is null ? LoginResult.Anyone
            : _credentials.Matches(BasicCredentials.GetHeader(context.Request)) ? new(StatusCodes.Status200OK, username)
            : LoginResult.Unauthorized);

    /// <inheritdoc/>
    public string? FindEntry(string user) => null;
}
