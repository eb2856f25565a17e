namespace BorgStore.Backends.Http;

/// <summary>Text of a server, as it may stand in a message.</summary>
internal static class ServerText
{
    /// <summary>What to say where a request is larger than what is on its way lets pass.</summary>
    public const string TooLarge = "The server, or a proxy before it, takes no request of that size. Raise its limit (in nginx: client_max_body_size).";

    private const int LongestText = 1000;

    /// <summary>Returns what to say of an answer that names another address, or <see langword="null"/> for other answers.</summary>
    /// <param name="status">The status of the answer.</param>
    /// <param name="location">The address, as the answer names it.</param>
    public static string? DescribeMove(int status, string? location)
        => status is >= 301 and <= 308 && location is { Length: > 0 }
            ? $"The server at that address has moved to '{Clean(StoreUrl.Redact(location))}'. Use that URL." : null;

    /// <summary>Returns the text on one line and no longer than a message can take. Control characters become blanks.</summary>
    /// <param name="text">The text.</param>
    public static string Clean(string text) => string.Concat(text.Trim().Take(LongestText).Select(c => char.IsControl(c) ? ' ' : c));
}
