using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;

namespace BorgStore;

/// <summary>Common handling of store URLs: the scheme before the first colon, and the secret that must not be shown.</summary>
public static partial class StoreUrl
{
    private const string Hidden = "***";

    private static readonly SearchValues<char> SchemeCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    /// <summary>Returns the scheme of a URL in lower case, without the colon.</summary>
    /// <param name="url">The URL.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidUrl"/> if it is
    /// not the URL of a store, or has characters that no URL may have.</exception>
    public static string GetScheme(string url)
    {
        CheckCharacters(url);
        var colon = url.IndexOf(':');
        // A single letter before the colon is a drive, not a scheme.
        if (colon > 1 && url.AsSpan(0, colon).IndexOfAnyExcept(SchemeCharacters) < 0) return url[..colon].ToLowerInvariant();

        var shown = Redact(url);
        throw new StoreException(StoreError.InvalidUrl, $"'{shown}' is not the URL of a store. {SuggestFileUrl(shown)}", shown);
    }

    /// <summary>Returns the exception for a URL that a backend cannot parse.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="form">The correct form, in quotes.</param>
    internal static StoreException Invalid(string url, string problem, string form)
    {
        var shown = Redact(url);
        return new(StoreError.InvalidUrl, $"'{shown}' is not the URL of a store: {problem}. Write {form}.", shown);
    }

    /// <summary>Returns a URL that may be shown, without its password or secret key.</summary>
    /// <remarks>In a URL that no backend can parse, the place of the secret is unknown, and a password may contain any character. So
    /// everything between the first colon after the scheme and the last '@' is hidden, even if that includes a part of a path.</remarks>
    /// <param name="url">The URL, or whatever was given as one.</param>
    public static string Redact(string url)
    {
        // Any parameter of a connection string may hold a secret.
        if (ConnectionStringPattern().Match(url) is { Success: true, Length: var head }) url = url[..head] + ConnectionString.Redact(url[head..], []);
        var at = url.LastIndexOf('@');
        if (at < 0 || RclonePathPattern().IsMatch(url)) return url;
        var start = ScopePattern().Match(url[..at]).Length;
        var colon = url.IndexOf(':', start, at - start);
        // A user or profile alone is no secret if it can be nothing else; for a web server it may be a token.
        if (colon < 0) return UserPattern().IsMatch(url) ? url : string.Concat(url.AsSpan(0, start), Hidden, url.AsSpan(at));
        return url.AsSpan(start, colon - start).IndexOfAny(" /?#\\") < 0
            ? string.Concat(url.AsSpan(0, colon), ":" + Hidden, url.AsSpan(at))
            : string.Concat(url.AsSpan(0, start), Hidden, url.AsSpan(at));
    }

    /// <summary>Returns a part of a URL that may be shown beside the URL, hiding what the redacted URL does not contain.</summary>
    /// <param name="part">The part.</param>
    /// <param name="url">The URL.</param>
    internal static string RedactPart(string part, string url) => Redact(url).Contains(part, StringComparison.Ordinal) ? part : Hidden;

    /// <summary>Returns a text with the secrets of all its URLs hidden, for text from elsewhere: a server, a program, the runtime.</summary>
    /// <param name="text">The text.</param>
    internal static string RedactText(string text)
        => text.Contains('@') ? UrlPattern().Replace(text, static match => Redact(match.Value)) : text;

    // A line break would end a request header, a NUL a path or an argument, and a blank the target of a request. Percent-encoded
    // ones would be decoded at the other end. A URL with a control character is not shown, because its secret may be anywhere.
    private static void CheckCharacters(string url)
    {
        var isEncoded = !url.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase);
        for (var i = 0; i < url.Length; i++)
        {
            var c = url[i] == '%' && isEncoded && i + 2 < url.Length && byte.TryParse(url.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
                && code < 0x80 ? (char)code : url[i];
            if (char.IsControl(c))
                throw new StoreException(StoreError.InvalidUrl, $"The URL of the store contains the control character 0x{(int)c:x2}. Check where it was copied from.");
        }
        if (url.Contains(' ') && (WebPattern().IsMatch(url) || AuthorityPattern().Match(url).Value.Contains(' ')))
            throw new StoreException(StoreError.InvalidUrl, $"'{Redact(url)}' is not the URL of a store: it contains a space. Write a space as '%20'.", Redact(url));
    }

    // The text before a user or key: the scheme, even if mistyped, or the drive of a folder, whose colon does not start a password.
    [GeneratedRegex(@"^(?:file:///(?:[a-z]:(?=[\\/]))?|[a-z]:(?=\\|/(?!/))|(?:s3|b2):(?://)?|rclone:|[^/@:]*:?//+)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ScopePattern();

    // URLs in which the text before an '@' is a user, a profile, or a part of a path.
    [GeneratedRegex(@"^(?:(?:file|sftp|rest|http\+unix|s3|b2|rclone):|[a-z]:[\\/]|/(?!/)|[^/:]*@[^:]*$)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex UserPattern();

    // Matches a mistyped scheme too, unless an address follows.
    [GeneratedRegex("^(?:rclone:|[^/:@]*:(?=[^/@]*,[a-z0-9_]+=[^@]*$))", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ConnectionStringPattern();

    [GeneratedRegex("^rclone:(?!//)[^:]*:(?!//)[^:]*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex RclonePathPattern();

    [GeneratedRegex(@"(?:[a-z0-9+.-]+:/|\b(?:s3|b2):)[^\s'""]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex UrlPattern();

    // Everything up to the path. Folders and rclone targets have no such part.
    [GeneratedRegex("^(?!file:|rclone:)[a-z0-9+.-]{2,}://[^/]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex AuthorityPattern();

    // URLs that become the target of requests unchanged.
    [GeneratedRegex("^(?:https?|http\\+unix|s3|b2):", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex WebPattern();

    private static string SuggestFileUrl(string path)
    {
        if (path.Length >= 2 && path[1] == ':' && char.IsAsciiLetter(path[0]))
            return $"For a folder write 'file:///{Escape(path.Replace('\\', '/'))}'.";
        if (path.StartsWith('/')) return $"For a folder write 'file://{Escape(path)}'.";
        return "Specify a store in a folder by its absolute path, as in 'file:///srv/store' or, on Windows, 'file:///C:/store'.";
    }

    private static string Escape(string path) => path.Replace("%", "%25").Replace(" ", "%20");
}
