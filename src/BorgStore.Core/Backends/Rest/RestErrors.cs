using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>Maps HTTP responses to errors of a store.</summary>
internal static partial class RestErrors
{
    private const int MaxTextLength = 16 << 10;

    /// <summary>The header with the exact error from our server.</summary>
    private const string Header = "X-BorgStore-Error";

    /// <summary>The header with the details of an error from our server, percent-encoded.</summary>
    private const string DetailHeader = "X-BorgStore-Detail";

    /// <summary>The header with the name of the item concerned from our server, percent-encoded.</summary>
    private const string NameHeader = "X-BorgStore-Name";

    /// <summary>Returns the exception for an error response.</summary>
    /// <param name="response">The response.</param>
    /// <param name="name">The requested item, if there is one.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<StoreException> ReadAsync(HttpResponseMessage response, string? name, CancellationToken cancellationToken)
    {
        var text = await ReadTextAsync(response, cancellationToken).ConfigureAwait(false);
        // TryParse would accept a number too.
        if (response.Headers.TryGetValues(Header, out var values) && Enum.TryParse<StoreError>(values.First(), out var exact)
            && Enum.IsDefined(exact) && exact.ToString() == values.First())
        {
            name = Find(response, NameHeader) ?? name;
            return new(exact, Find(response, DetailHeader) ?? (SaysAll(exact) ? null : text.Length > 0 ? text : Describe(response)), name);
        }
        var error = response.StatusCode switch
        {
            HttpStatusCode.NotFound => StoreError.ObjectNotFound,
            HttpStatusCode.Gone => StoreError.StoreDoesNotExist,
            HttpStatusCode.Conflict => StoreError.StoreAlreadyExists,
            HttpStatusCode.PreconditionFailed when text.Contains("must be open", StringComparison.Ordinal) => StoreError.StoreNotOpen,
            HttpStatusCode.PreconditionFailed when text.Contains("must not be open", StringComparison.Ordinal) => StoreError.StoreIsOpen,
            HttpStatusCode.Forbidden => StoreError.PermissionDenied,
            HttpStatusCode.Unauthorized or HttpStatusCode.ProxyAuthenticationRequired => StoreError.AuthenticationFailed,
            HttpStatusCode.InsufficientStorage => StoreError.QuotaExceeded,
            // Our server sends an exact error if the quota is the reason.
            HttpStatusCode.RequestEntityTooLarge => StoreError.NotSupported,
            HttpStatusCode.RequestedRangeNotSatisfiable => StoreError.ReadRange,
            HttpStatusCode.UnprocessableEntity => StoreError.HashMismatch,
            HttpStatusCode.BadRequest => StoreError.InvalidArgument,
            HttpStatusCode.NotImplemented => StoreError.NotSupported,
            HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable => StoreError.ConnectionLost,
            HttpStatusCode.GatewayTimeout or HttpStatusCode.RequestTimeout => StoreError.Timeout,
            _ => StoreError.BackendFailure,
        };
        return new(error, SaysAll(error) ? null : response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => "The REST server rejected the user name or password. Specify them in the URL, with -Credential, "
                + $"or in {RestAddress.UsernameVariable} and {RestAddress.PasswordVariable}.",
            HttpStatusCode.NotAcceptable => "The server at that address does not support this version of the BorgStore REST protocol. Check the URL.",
            HttpStatusCode.PreconditionFailed when !HasWords(text) => "The REST server answered 412: it mixed up this request with another one. "
                + "Python's server did that before version 0.6.2. Update it, or restart it if no other client uses it.",
            HttpStatusCode.ProxyAuthenticationRequired => ProxyChoice.DescribeAuthenticationFailure(response.RequestMessage?.RequestUri),
            HttpStatusCode.RequestEntityTooLarge => ServerText.TooLarge,
            HttpStatusCode.TooManyRequests => RetryAfter.Advice,
            var status when ServerText.DescribeMove((int)status, response.Headers.Location?.OriginalString) is { } moved => moved,
            // On the Python server's page, an error without text is a single dot.
            _ => HasWords(text) ? $"The REST server says: {text}" : Describe(response),
        }, name);
    }

    /// <summary>Returns the exception for a response that no server of stores sends.</summary>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="cause">The exception that caused this one, if any.</param>
    public static StoreException InvalidResponse(string problem, Exception? cause = null)
        => new(StoreError.BackendFailure, $"The REST server sent an invalid response: {problem}. Perhaps the server at that address is not a BorgStore REST server; check the URL.",
            innerException: cause);

    /// <summary>Returns the exception for a body that is too long.</summary>
    /// <param name="limit">The maximum number of bytes.</param>
    public static StoreException TooLong(long limit) => InvalidResponse($"it has more than {limit} bytes, the maximum for such a response");

    /// <summary>Returns the exception for opening something that is not a server of stores.</summary>
    public static StoreException NoServer() => new(StoreError.StoreDoesNotExist, "the server at that address is not a BorgStore REST server");

    /// <summary>Returns whether the Python server refused because of its permissions.
    /// Its responses have no mark, but no other page has this text.</summary>
    /// <param name="response">The response.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<bool> IsPythonPermissionErrorAsync(HttpResponseMessage response, CancellationToken cancellationToken)
        => response.Content.Headers.ContentType?.MediaType == "text/html"
            && PythonPermissionError().IsMatch(await ReadTextAsync(response, cancellationToken).ConfigureAwait(false));

    /// <summary>Returns whether the server mixed up concurrent requests; see <see cref="RequestLock"/>.</summary>
    public static bool IsMixUp(HttpResponseMessage response)
        => response.StatusCode == HttpStatusCode.PreconditionFailed && !response.Headers.Contains(Header);

    /// <summary>Returns whether a proxy answered in place of the server, as happens while the server restarts or is overloaded.</summary>
    public static bool IsFromProxy(HttpResponseMessage response)
        => (response.StatusCode == HttpStatusCode.BadGateway || RetryAfter.IsBusy(response)) && !response.Headers.Contains(Header);

    private static string? Find(HttpResponseMessage response, string header)
        => response.Headers.TryGetValues(header, out var values) ? ServerText.Clean(Uri.UnescapeDataString(values.First())) : null;

    // The server's text would only repeat these.
    private static bool SaysAll(StoreError error) => error
        is StoreError.ObjectAlreadyExists or StoreError.StoreDoesNotExist or StoreError.StoreAlreadyExists;

    private static bool HasWords(string text) => text.AsSpan().ContainsAnyExcept(" .".AsSpan());

    private static string Describe(HttpResponseMessage response) => $"The REST server answered {(int)response.StatusCode} {ServerText.Clean(response.ReasonPhrase ?? "")}.";

    private static async Task<string> ReadTextAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength is > MaxTextLength) return "";
        var bytes = new byte[MaxTextLength];
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var text = Encoding.UTF8.GetString(bytes.AsSpan(0, length));
        // The Python server puts its message into an HTML page.
        if (response.Content.Headers.ContentType?.MediaType == "text/html")
            text = WebUtility.HtmlDecode(PythonMessage().Match(text).Groups[1].Value);
        return ServerText.Clean(text);
    }

    [GeneratedRegex("^One of permissions '.*' required for '.*'\\.$")]
    private static partial Regex PythonPermissionError();

    [GeneratedRegex(@"<p>Message: (.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex PythonMessage();
}
