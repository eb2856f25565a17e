using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;
using BorgStore.Backends.Rclone;

namespace BorgStore;

/// <summary>What all URLs of stores have in common: a scheme before the first colon, and perhaps a secret that is never shown.</summary>
public static partial class StoreUrl
{
    private static readonly SearchValues<char> SchemeCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    /// <summary>The scheme of a URL, lower case, without the colon.</summary>
    /// <param name="url">The URL.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidUrl"/>: it is not the URL of a store, or has characters that no URL
    /// may have.</exception>
    public static string GetScheme(string url)
    {
        CheckCharacters(url);
        var colon = url.IndexOf(':');
        // One letter before the colon is a drive, not a scheme.
        if (colon > 1 && url.AsSpan(0, colon).IndexOfAnyExcept(SchemeCharacters) < 0) return url[..colon].ToLowerInvariant();

        throw new StoreException(StoreError.InvalidUrl, $"'{url}' is not the URL of a store. {SuggestFileUrl(url)}", url);
    }

    /// <summary>The exception for a URL that a backend does not understand.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="form">How it is written, in quotes.</param>
    internal static StoreException Invalid(string url, string problem, string form)
    {
        var shown = Redact(url);
        return new(StoreError.InvalidUrl, $"'{shown}' is not the URL of a store: {problem}. Write {form}.", shown);
    }

    /// <summary>A URL as it may be shown: without its password or secret key.</summary>
    /// <param name="url">The URL.</param>
    public static string Redact(string url)
    {
        // Secrets may stand anywhere among the parameters of a connection string.
        if (url.StartsWith("rclone:", StringComparison.OrdinalIgnoreCase)) return RcloneTarget.RedactUrl(url);
        var start = url.IndexOf("://", StringComparison.Ordinal) is >= 0 and var slashes && !HasKeyBeforeScheme(url)
            ? slashes + 3
            : url.IndexOf(':') + 1;
        var end = url.IndexOf('/', start) is >= 0 and var slash ? slash : url.Length;
        // A secret key may hold slashes; what stands before the last '@' is never part of a path.
        var at = HasKeyBeforeScheme(url) ? url.LastIndexOf('@') : end > start ? url.LastIndexOf('@', end - 1, end - start) : -1;
        if (at < start) return url;
        var colon = url.IndexOf(':', start, at - start);
        return colon < 0 ? url : string.Concat(url.AsSpan(0, colon), ":***", url.AsSpan(at));
    }

    // s3:key:secret@https://host/bucket has its secret before the address.
    private static bool HasKeyBeforeScheme(string url)
        => url.StartsWith("s3:", StringComparison.OrdinalIgnoreCase) || url.StartsWith("b2:", StringComparison.OrdinalIgnoreCase);

    // A line break would end a header of a request, a NUL a path or an argument, and a blank the target of a request. Those that are
    // percent-encoded would arrive there decoded. A URL with a control character is not shown: nothing in it can be trusted to be where it
    // seems to be.
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
            throw new StoreException(StoreError.InvalidUrl, $"'{Redact(url)}' is not the URL of a store: it contains a blank. Where one belongs there, write '%20'.", Redact(url));
    }

    // Up to the path. A folder and what rclone gets have no such part.
    [GeneratedRegex("^(?!file:|rclone:)[a-z0-9+.-]{2,}://[^/]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex AuthorityPattern();

    // What becomes the target of requests as it stands.
    [GeneratedRegex("^(?:https?|http\\+unix|s3|b2):", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex WebPattern();

    private static string SuggestFileUrl(string path)
    {
        if (path.Length >= 2 && path[1] == ':' && char.IsAsciiLetter(path[0]))
            return $"For a folder write 'file:///{Escape(path.Replace('\\', '/'))}'.";
        if (path.StartsWith('/')) return $"For a folder write 'file://{Escape(path)}'.";
        return "A store in a folder is named by its whole path, as in 'file:///srv/store' or, on Windows, 'file:///C:/store'.";
    }

    private static string Escape(string path) => path.Replace("%", "%25").Replace(" ", "%20");
}
