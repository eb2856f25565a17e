namespace BorgStore.Backends.S3.Connection;

/// <summary>The differences between S3 servers, derived from the URL.</summary>
/// <remarks>
/// AWS supports everything. Each other server lacks some feature newer than 2020, or refuses it (B2 the checksum headers, some
/// versions of Ceph and MinIO the framing of the SDK's default uploads), so only features that all of them support are used.
/// </remarks>
internal sealed record ServerTraits
{
    private const string DefaultRegion = "us-east-1";

    // Providers with the region in their host names, and its position.
    private static readonly (string Suffix, Func<string[], string> Region)[] Providers =
    [
        (".backblazeb2.com", labels => labels[1]),
        (".wasabisys.com", labels => labels.Length > 3 ? labels[1] : DefaultRegion),
        (".scw.cloud", labels => labels[1]),
        (".cloud.ovh.net", labels => labels[1]),
        (".digitaloceanspaces.com", labels => labels[^3]),
        (".linodeobjects.com", labels => labels[^3]),
        (".r2.cloudflarestorage.com", _ => "auto"),
        ("storage.googleapis.com", _ => "auto"),
    ];

    /// <summary>Whether it is AWS itself.</summary>
    public bool IsAws { get; private init; }

    /// <summary>The region to sign for, or <see langword="null"/> to use the AWS configuration.</summary>
    public string? Region { get; private init; }

    /// <summary>Whether the bucket is in the path rather than in the host name.</summary>
    public bool PathStyle { get; private init; }

    /// <summary>How the integrity of transferred values is protected.</summary>
    public ChecksumKind Checksum { get; private init; }

    /// <summary>Whether signatures exclude the value, which TLS protects anyway.</summary>
    public bool UnsignedPayload { get; private init; }

    /// <summary>Whether copies and deletions may be conditional on what they replace or delete.</summary>
    public bool ConditionalCopies => IsAws;

    /// <summary>Returns the traits of a server.</summary>
    /// <param name="endpoint">The server, from the URL or the AWS configuration; <see langword="null"/> for AWS.</param>
    /// <param name="options">The options in the URL, which override the defaults.</param>
    public static ServerTraits For(Uri? endpoint, S3UrlOptions options)
    {
        var isAws = endpoint is null || IsAwsHost(endpoint.Host);
        var isSecure = endpoint is null || endpoint.Scheme == Uri.UriSchemeHttps;
        return new()
        {
            IsAws = isAws,
            Region = options.Region ?? (endpoint is null ? null : isAws ? RegionOfAws(endpoint.Host) : RegionOf(endpoint.Host)),
            PathStyle = options.PathStyle ?? !isAws,
            Checksum = options.Checksum ?? (isAws ? ChecksumKind.Sha256 : ChecksumKind.None),
            UnsignedPayload = isSecure && !(options.SignPayload ?? false),
        };
    }

    private static bool IsAwsHost(string host)
        => host.EndsWith(".amazonaws.com", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".amazonaws.com.cn", StringComparison.OrdinalIgnoreCase);

    // s3.REGION.amazonaws.com, s3.dualstack.REGION.amazonaws.com, s3-fips.REGION.…, and s3.amazonaws.com.
    private static string RegionOfAws(string host)
    {
        var labels = host.Split('.');
        var before = Array.FindIndex(labels, label => label.Equals("amazonaws", StringComparison.OrdinalIgnoreCase)) - 1;
        return labels[before].StartsWith("s3", StringComparison.OrdinalIgnoreCase) ? DefaultRegion : labels[before];
    }

    private static string RegionOf(string host)
    {
        foreach (var (suffix, region) in Providers)
        {
            var labels = host.Split('.');
            if (labels.Length >= 3 && host.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)) return region(labels);
        }
        return DefaultRegion;
    }
}
