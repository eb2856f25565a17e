namespace BorgStore.Backends.Http;

/// <summary>Prepares a server's text for messages.</summary>
internal static class ServerText
{
    /// <summary>The advice for a request that is larger than the server, or a proxy before it, accepts.</summary>
    public const string TooLarge = "The server, or a proxy in front of it, does not accept requests of that size. Raise its limit (in nginx: client_max_body_size).";

    private const int MaxTextLength = 1000;

    /// <summary>Returns the advice for a response that redirects to another address, or <see langword="null"/> for other responses.</summary>
    /// <param name="status">The status of the response.</param>
    /// <param name="location">The address in the response.</param>
    public static string? DescribeMove(int status, string? location)
        => status is >= 301 and <= 308 && location is { Length: > 0 }
            ? $"The server at that address has moved to '{Clean(StoreUrl.Redact(location))}'. Use that URL." : null;

    /// <summary>Returns the text on one line, shortened for a message. Control characters become blanks.</summary>
    /// <param name="text">The text.</param>
    public static string Clean(string text) => string.Concat(text.Trim().Take(MaxTextLength).Select(c => char.IsControl(c) ? ' ' : c));
}
