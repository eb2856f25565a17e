using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.Rest;

/// <summary>The one table from answers of HTTP to errors of a store.</summary>
internal static partial class RestErrors
{
    private const int LongestText = 16 << 10;

    /// <summary>The header in which our server names the exact error.</summary>
    private const string Header = "X-BorgStore-Error";

    /// <summary>The header in which our server says what is particular about an error, percent-encoded.</summary>
    private const string DetailHeader = "X-BorgStore-Detail";

    /// <summary>The header in which our server names the item that it is about, percent-encoded.</summary>
    private const string NameHeader = "X-BorgStore-Name";

    /// <summary>Makes an exception of an answer that is no success.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="name">The item that was asked for, if one was.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<StoreException> ReadAsync(HttpResponseMessage response, string? name, CancellationToken cancellationToken)
    {
        var text = await ReadTextAsync(response, cancellationToken).ConfigureAwait(false);
        // A number would be taken for an error too.
        if (response.Headers.TryGetValues(Header, out var values) && Enum.TryParse<StoreError>(values.First(), out var exact)
            && Enum.IsDefined(exact) && exact.ToString() == values.First())
        {
            name = Find(response, NameHeader) ?? name;
            return Find(response, DetailHeader) is { } detail
                ? StoreException.While(exact, string.IsNullOrEmpty(name) ? "use the store" : $"use '{name}'", name, detail)
                : new(exact, text.Length > 0 ? text : Describe(response), name);
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
            // Our server says by its mark where it is the quota.
            HttpStatusCode.RequestEntityTooLarge => StoreError.NotSupported,
            HttpStatusCode.RequestedRangeNotSatisfiable => StoreError.ReadRange,
            HttpStatusCode.UnprocessableEntity => StoreError.HashMismatch,
            HttpStatusCode.BadRequest => StoreError.InvalidArgument,
            HttpStatusCode.NotImplemented => StoreError.NotSupported,
            HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable => StoreError.ConnectionLost,
            HttpStatusCode.GatewayTimeout or HttpStatusCode.RequestTimeout => StoreError.Timeout,
            _ => StoreError.BackendFailure,
        };
        return new(error, response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => "The REST server refuses the user or password. Give them in the URL, with -Credential, "
                + $"or in {RestAddress.UsernameVariable} and {RestAddress.PasswordVariable}.",
            HttpStatusCode.NotAcceptable => "What answers there does not speak this version of the BorgStore REST protocol. Check the URL.",
            HttpStatusCode.PreconditionFailed when !HasWords(text) => "The REST server answered 412: it mixed up this request with another one. "
                + "Versions of Python's server before 0.6.2 do that. Update it; or start it again, if nobody else uses it.",
            HttpStatusCode.ProxyAuthenticationRequired => ProxyChoice.DescribeRefusal(response.RequestMessage?.RequestUri),
            HttpStatusCode.RequestEntityTooLarge => ServerText.TooLarge,
            HttpStatusCode.TooManyRequests => RetryAfter.Advice,
            var status when ServerText.DescribeMove((int)status, response.Headers.Location?.OriginalString) is { } moved => moved,
            // An error without a text of its own is a lone dot on the Python server's page.
            _ => HasWords(text) ? $"The REST server says: {text}" : Describe(response),
        }, name);
    }

    /// <summary>Returns the exception for an answer that no server of stores gives.</summary>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="cause">The exception that caused this one, if any.</param>
    public static StoreException Wrong(string problem, Exception? cause = null)
        => new(StoreError.BackendFailure, $"The REST server answered wrongly: {problem}. Perhaps what answers there is no BorgStore REST server; check the URL.",
            innerException: cause);

    /// <summary>Returns the exception for a body that is longer than it may be.</summary>
    /// <param name="limit">The number of bytes that it may have.</param>
    public static StoreException TooLong(long limit) => Wrong($"it sends more than the {limit} bytes that such an answer has at most");

    /// <summary>Returns the exception for something that is no server of stores, as it is opened.</summary>
    /// <param name="task">What was tried.</param>
    /// <param name="shownUrl">The store.</param>
    public static StoreException NoServer(string task, string shownUrl)
        => StoreException.While(StoreError.StoreDoesNotExist, task, shownUrl, "what answers there is no BorgStore REST server");

    /// <summary>Whether the Python server refused for want of permissions. Its answers have no mark; but no other page says this.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<bool> IsRefusalOfPythonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
        => response.Content.Headers.ContentType?.MediaType == "text/html"
            && PythonRefusal().IsMatch(await ReadTextAsync(response, cancellationToken).ConfigureAwait(false));

    /// <summary>Whether the server mixed up requests that came at once; see <see cref="RequestTurns"/>.</summary>
    public static bool IsMixUp(HttpResponseMessage response)
        => response.StatusCode == HttpStatusCode.PreconditionFailed && !response.Headers.Contains(Header);

    /// <summary>Whether something between us and the server answered in its place, as it does while the server restarts or has
    /// too much to do.</summary>
    public static bool IsFromBetween(HttpResponseMessage response)
        => (response.StatusCode == HttpStatusCode.BadGateway || RetryAfter.IsBusy(response)) && !response.Headers.Contains(Header);

    private static string? Find(HttpResponseMessage response, string header)
        => response.Headers.TryGetValues(header, out var values) ? ServerText.Clean(Uri.UnescapeDataString(values.First())) : null;

    private static bool HasWords(string text) => text.AsSpan().ContainsAnyExcept(" .".AsSpan());

    private static string Describe(HttpResponseMessage response) => $"The REST server answered {(int)response.StatusCode} {ServerText.Clean(response.ReasonPhrase ?? "")}.";

    private static async Task<string> ReadTextAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength is > LongestText) return "";
        var bytes = new byte[LongestText];
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        var text = Encoding.UTF8.GetString(bytes.AsSpan(0, length));
        // The Python server wraps its message in a page.
        if (response.Content.Headers.ContentType?.MediaType == "text/html")
            text = WebUtility.HtmlDecode(PythonMessage().Match(text).Groups[1].Value);
        return ServerText.Clean(text);
    }

    [GeneratedRegex("^One of permissions '.*' required for '.*'\\.$")]
    private static partial Regex PythonRefusal();

    [GeneratedRegex(@"<p>Message: (.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex PythonMessage();
}
