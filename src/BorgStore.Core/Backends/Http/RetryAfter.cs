using System.Net;

namespace BorgStore.Backends.Http;

/// <summary>The delay that a busy server asks for.</summary>
internal static class RetryAfter
{
    // A longer delay is reported as an error instead.
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(60);

    /// <summary>The advice for a busy server.</summary>
    public const string Advice = "The server limits the rate of requests. Wait a while, or use a smaller -ThrottleLimit.";

    /// <summary>Returns whether the server is busy, so that the same request may succeed later.</summary>
    /// <param name="response">The response.</param>
    public static bool IsBusy(HttpResponseMessage response) => response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;

    /// <summary>Returns the delay that the server asks for; <see langword="null"/> if it asks for none, or for too long a one.</summary>
    /// <param name="response">The response.</param>
    public static TimeSpan? Find(HttpResponseMessage response)
    {
        var wait = response.Headers.RetryAfter is { } header ? header.Delta ?? header.Date - DateTimeOffset.UtcNow : null;
        return wait >= TimeSpan.Zero && wait <= MaxDelay ? wait : null;
    }
}
