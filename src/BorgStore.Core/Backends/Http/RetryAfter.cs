using System.Net;

namespace BorgStore.Backends.Http;

/// <summary>The wait that a busy server asks for.</summary>
internal static class RetryAfter
{
    // A longer wait is reported as an error instead.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    /// <summary>What to say of a server that is busy.</summary>
    public const string Advice = "The server asks for fewer requests. Wait a while, or use a smaller -ThrottleLimit.";

    /// <summary>Whether the server is busy, so that the same request may be answered later.</summary>
    /// <param name="response">The answer.</param>
    public static bool IsBusy(HttpResponseMessage response) => response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;

    /// <summary>Returns how long the server wants to be left alone; <see langword="null"/> if it does not say so, or for too long.</summary>
    /// <param name="response">The answer.</param>
    public static TimeSpan? Find(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter is { } header ? header.Delta ?? header.Date - DateTimeOffset.UtcNow : null;
        return wait >= TimeSpan.Zero && wait <= Longest ? wait : null;
    }
}
