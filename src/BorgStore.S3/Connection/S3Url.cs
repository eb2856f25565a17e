using System.Diagnostics.CodeAnalysis;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The parts of a URL <c>(s3|b2):[profile|access_key:secret@][scheme://host[:port]]/bucket/path[?option=value&amp;…]</c>.</summary>
internal sealed record S3Url
{
    private const string Form = "(s3|b2):[profile|access_key:secret@][scheme://host[:port]]/bucket/path";

    /// <summary>Whether it names Backblaze B2.</summary>
    public bool IsB2 { get; private init; }

    /// <summary>The profile in the AWS configuration, if one is named.</summary>
    public string? Profile { get; private init; }

    /// <summary>The access key, if one is given together with a <see cref="SecretKey"/>.</summary>
    public string? AccessKey { get; private init; }

    /// <summary>The secret key.</summary>
    public string? SecretKey { get; private init; }

    /// <summary>The server, or <see langword="null"/> to use the AWS configuration.</summary>
    public Uri? Endpoint { get; private init; }

    /// <summary>The bucket.</summary>
    public required string Bucket { get; init; }

    /// <summary>The path in the bucket, without a trailing slash.</summary>
    public required string Path { get; init; }

    /// <summary>The options in the URL, which override the defaults.</summary>
    public S3UrlOptions Options { get; private init; } = new();

    /// <summary>The URL without its secrets.</summary>
    public required string DisplayUrl { get; init; }

    /// <summary>Parses a URL.</summary>
    /// <param name="url">The URL.</param>
    public static S3Url Parse(string url)
    {
        var shown = StoreUrl.Redact(url);
        var scheme = StoreUrl.GetScheme(url);
        if (scheme is not ("s3" or "b2")) throw Invalid(shown, "its scheme is neither s3 nor b2");

        var rest = url[(scheme.Length + 1)..];
        var query = rest.IndexOf('?');
        // A secret may contain a '?' too; one before the last '@' does not start the options.
        if (query >= 0 && rest.IndexOf('@', query) >= 0) query = rest.IndexOf('?', rest.LastIndexOf('@'));
        var options = S3UrlOptions.Parse(query < 0 ? "" : rest[(query + 1)..], problem => Invalid(shown, problem));
        if (query >= 0) rest = rest[..query];

        var (profile, accessKey, secretKey) = TakeCredentials(ref rest, shown);
        var endpoint = TakeEndpoint(ref rest, shown);
        if (!rest.StartsWith('/')) throw Invalid(shown, "there is no '/' before the bucket");
        var slash = rest.IndexOf('/', 1);
        var bucket = slash < 0 ? rest[1..] : rest[1..slash];
        var path = slash < 0 ? "" : Uri.UnescapeDataString(rest[(slash + 1)..]).TrimEnd('/');
        if (bucket.Length == 0) throw Invalid(shown, "it names no bucket");
        if (path.Length == 0) throw Invalid(shown, $"it names no path below the bucket, as in '/{bucket}/store'");

        return new()
        {
            IsB2 = scheme == "b2",
            Profile = profile,
            AccessKey = accessKey,
            SecretKey = secretKey,
            Endpoint = endpoint,
            Bucket = bucket,
            Path = path,
            Options = options,
            DisplayUrl = shown,
        };
    }

    /// <summary>Returns the URL without its secrets; the text that records generate would show them.</summary>
    public override string ToString() => DisplayUrl;

    private static (string? Profile, string? AccessKey, string? SecretKey) TakeCredentials(ref string rest, string shown)
    {
        // If an address follows immediately, an '@' is part of the path.
        if (rest.StartsWith('/') || StartsWithAddress(rest)) return default;
        var at = rest.IndexOf('@');
        if (at < 0) throw Invalid(shown, "the part before the bucket is neither an address (https://host) nor a profile or key with an '@' at its end");

        var credentials = rest[..at];
        rest = rest[(at + 1)..];
        var colon = credentials.IndexOf(':');
        if (colon < 0)
            return credentials.Length > 0 ? (Uri.UnescapeDataString(credentials), null, null) : throw Invalid(shown, "there is nothing before its '@'");
        if (colon == 0 || colon == credentials.Length - 1) throw Invalid(shown, "an access key needs its secret, as in 'access_key:secret@'");
        return (null, Uri.UnescapeDataString(credentials[..colon]), Uri.UnescapeDataString(credentials[(colon + 1)..]));
    }

    private static Uri? TakeEndpoint(ref string rest, string shown)
    {
        var schemeEnd = rest.IndexOf("://", StringComparison.Ordinal);
        if (schemeEnd <= 0 || rest.StartsWith('/')) return null;
        var end = rest.IndexOf('/', schemeEnd + 3);
        if (end < 0) end = rest.Length;
        var text = rest[..end];
        rest = rest[end..];
        if (!Uri.TryCreate(text, UriKind.Absolute, out var endpoint) || !IsWebAddress(endpoint))
            throw Invalid(shown, "the server is not of the form http://host[:port] or https://host[:port]");
        return endpoint;
    }

    /// <summary>Returns whether it is the address of a server, without user and password.</summary>
    /// <param name="uri">The address.</param>
    internal static bool IsWebAddress([NotNullWhen(true)] Uri? uri) => uri is { Host.Length: > 0, UserInfo.Length: 0, Scheme: "http" or "https" };

    private static bool StartsWithAddress(string text)
        => text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    private static StoreException Invalid(string shown, string problem)
        => StoreUrl.Invalid(shown, problem, $"'{Form}'");
}
