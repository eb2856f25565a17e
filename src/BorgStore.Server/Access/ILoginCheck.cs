using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;

namespace BorgStore.Server.Access;

/// <summary>Decides who sent a request.</summary>
internal interface ILoginCheck
{
    /// <summary>Checks the login of a request.</summary>
    ValueTask<LoginResult> CheckAsync(HttpContext context);

    /// <summary>Returns what is stored about a user, to notice that it has changed since a login: the hash of a password or a token, or
    /// <see langword="null"/> if there is nothing.</summary>
    string? FindEntry(string user);
}

/// <summary>The result of a login.</summary>
/// <param name="Status">200, or the status of the refusal.</param>
/// <param name="User">The user, if there are users.</param>
internal readonly record struct LoginResult(int Status, string? User = null)
{
    public static readonly LoginResult Anyone = new(StatusCodes.Status200OK);

    public static readonly LoginResult Unauthorized = new(StatusCodes.Status401Unauthorized);

    public static readonly LoginResult TooMany = new(StatusCodes.Status429TooManyRequests);

    /// <summary>What is said after too many failures.</summary>
    public const string TooManyText = "Too many failed logins from your address. Try again in a while.";

    private const string RetrySeconds = "10";

    public bool IsAllowed => Status == StatusCodes.Status200OK;

    /// <summary>Adds the headers of a refusal to a response: how to log in, or when to try again.</summary>
    /// <returns>The text of the response.</returns>
    public string Refuse(HttpResponse response)
    {
        if (Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = BasicCredentials.Challenge;
            return "Unauthorized";
        }
        response.Headers.RetryAfter = RetrySeconds;
        return TooManyText;
    }
}
