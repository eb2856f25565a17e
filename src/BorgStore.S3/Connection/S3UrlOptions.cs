namespace BorgStore.Backends.S3.Connection;

/// <summary>How the integrity of transferred values is protected, in addition to TLS.</summary>
internal enum ChecksumKind
{
    /// <summary>Not at all, which every server supports.</summary>
    None,

    /// <summary>By CRC-32 in a header, which AWS keeps.</summary>
    Crc32,

    /// <summary>By SHA-256 in a header. If the server keeps it, hashing a value later needs no loading.</summary>
    Sha256,
}

/// <summary>The options at the end of a URL. Each is <see langword="null"/> to use the default for the server.</summary>
internal sealed record S3UrlOptions
{
    private const string Known = "region=NAME, path-style=true|false, checksum=none|crc32|sha256, sign-payload=true|false";

    /// <summary>The region that requests are signed for.</summary>
    public string? Region { get; private init; }

    /// <summary>Whether the bucket is in the path of requests rather than in the host name.</summary>
    public bool? PathStyle { get; private init; }

    /// <summary>How the integrity of transferred values is protected.</summary>
    public ChecksumKind? Checksum { get; private init; }

    /// <summary>Whether the signature covers the value; without TLS it always does.</summary>
    public bool? SignPayload { get; private init; }

    /// <summary>Parses the options.</summary>
    /// <param name="query">The text after the '?'.</param>
    /// <param name="fail">Creates the exception for a problem.</param>
    public static S3UrlOptions Parse(string query, Func<string, StoreException> fail)
    {
        var options = new S3UrlOptions();
        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=');
            var name = equals < 0 ? part : part[..equals];
            var value = equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..]);
            options = (name, value) switch
            {
                ("region", { Length: > 0 }) => options with { Region = value },
                ("path-style", "true" or "false") => options with { PathStyle = value == "true" },
                ("checksum", "none") => options with { Checksum = ChecksumKind.None },
                ("checksum", "crc32") => options with { Checksum = ChecksumKind.Crc32 },
                ("checksum", "sha256") => options with { Checksum = ChecksumKind.Sha256 },
                ("sign-payload", "true" or "false") => options with { SignPayload = value == "true" },
                _ => throw fail($"'{part}' is not one of its options ({Known}); write a '?' in the path as %3F"),
            };
        }
        return options;
    }
}
