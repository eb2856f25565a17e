namespace BorgStore.Backends.Http;

/// <summary>Text of a server, as it may stand in a message.</summary>
internal static class ServerText
{
    private const int LongestText = 1000;

    /// <summary>Returns the text on one line and no longer than a message can take. Control characters become blanks.</summary>
    /// <param name="text">The text.</param>
    public static string Clean(string text) => string.Concat(text.Trim().Take(LongestText).Select(c => char.IsControl(c) ? ' ' : c));
}
