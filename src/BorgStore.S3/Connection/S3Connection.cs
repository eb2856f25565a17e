using System.Net;
using Amazon;
using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.Runtime.Credentials;
using Amazon.S3;
using BorgStore.Backends.Http;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.S3.Connection;

/// <summary>The SDK's client for one store, configured for the server in its URL.</summary>
internal sealed class S3Connection : IDisposable
{
    /// <summary>When to retry; the SDK has its own pauses.</summary>
    public static readonly RetrySchedule DefaultRetry = new(4, TimeSpan.FromMilliseconds(100));

    private static readonly string[] EndpointVariables = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    private static readonly string[] RegionVariables = ["AWS_REGION", "AWS_DEFAULT_REGION"];

    private readonly AWSCredentials _credentials;
    private readonly Uri? _endpoint;
    private readonly int _retries;

    private S3Connection(AWSCredentials credentials, Uri? endpoint, string region, ServerTraits traits, int retries, RetryReport? report)
    {
        (_credentials, _endpoint, Traits, _retries, Report) = (credentials, endpoint, traits, retries, report);
        var checksums = traits.Checksum != ChecksumKind.None;
        var config = new AmazonS3Config
        {
            ForcePathStyle = traits.PathStyle,
            RequestChecksumCalculation = checksums ? RequestChecksumCalculation.WHEN_SUPPORTED : RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = checksums ? ResponseChecksumValidation.WHEN_SUPPORTED : ResponseChecksumValidation.WHEN_REQUIRED,
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = retries,
            HttpClientFactory = SharedHttp.Current,
            AllowAutoRedirect = false,
            // The configured endpoints were already considered above, or are to be ignored.
            IgnoreConfiguredEndpointUrls = true,
            DisableLogging = true,
            LogMetrics = false,
            LogResponse = false,
        };
        if (endpoint is null)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }
        else
        {
            config.ServiceURL = endpoint.GetLeftPart(UriPartial.Authority);
            config.AuthenticationRegion = region;
        }
        Client = new S3SdkClient(credentials, config, report);
        // Only the SDK verifies loaded objects against the server's checksums.
        if (endpoint is not null && traits is { PathStyle: true, Checksum: ChecksumKind.None })
            DirectLoadClient = new(SharedHttp.Current.Connections, credentials, endpoint, region) { Report = report };
    }

    /// <summary>The loader of objects without the SDK, or <see langword="null"/> if the SDK must be used.</summary>
    public DirectLoadClient? DirectLoadClient { get; }

    /// <summary>The client.</summary>
    public AmazonS3Client Client { get; }

    /// <summary>Receives the requests that are repeated; <see langword="null"/> if nobody is interested.</summary>
    public RetryReport? Report { get; }

    /// <summary>The features of the server.</summary>
    public ServerTraits Traits { get; }

    /// <summary>The server; <see langword="null"/> for AWS.</summary>
    public Uri? Endpoint => _endpoint;

    /// <summary>The server's address for messages.</summary>
    public string Host => _endpoint?.Authority ?? "AWS";

    /// <summary>Opens a connection. Credentials, region and server come from, in order of precedence, the URL, the option, the
    /// environment and the profile; credentials also from the rest of the SDK's chain (SSO, roles of containers and machines).</summary>
    /// <param name="url">The URL.</param>
    /// <param name="credential">Access key and secret key, if the URL has none.</param>
    /// <param name="retries">The maximum number of further retries of the SDK.</param>
    /// <param name="report">Receives the requests that are repeated.</param>
    public static S3Connection Open(S3Url url, NetworkCredential? credential, int retries, RetryReport? report)
    {
        try
        {
            return Configure(url, credential, retries, report);
        }
        // The SDK reads files and runs programs to find the configuration, and passes on their exceptions.
        catch (Exception e) when (e is not (StoreException or OperationCanceledException))
        {
            throw new StoreException(StoreError.AuthenticationFailed,
                $"The AWS configuration cannot be used for '{url.DisplayUrl}': {ServerText.Clean(e.Message)} Check ~/.aws/config and ~/.aws/credentials.", url.DisplayUrl, e);
        }
    }

    private static S3Connection Configure(S3Url url, NetworkCredential? credential, int retries, RetryReport? report)
    {
        var profile = FindProfile(url.Profile, url.DisplayUrl);
        var endpoint = url.Endpoint ?? FindEndpoint(profile, url);
        if (endpoint is null && url.IsB2)
            throw new StoreException(StoreError.InvalidUrl,
                $"'{url.DisplayUrl}' names no server. B2 shows the server next to the bucket, as in 'b2:key:secret@https://s3.us-west-004.backblazeb2.com/{url.Bucket}/{url.Path}'.", url.DisplayUrl);
        var traits = ServerTraits.For(endpoint, url.Options);
        var region = traits.Region ?? ReadVariable(RegionVariables) ?? profile?.Region?.SystemName ?? RegionEndpoint.USEast1.SystemName;
        return new(FindCredentials(url, profile, credential), endpoint, region, traits, retries, report);
    }

    /// <summary>Returns whether another connection is to the same server with the same credentials, so that the server can copy between them.</summary>
    /// <param name="other">The other connection.</param>
    public async Task<bool> SharesServerAsync(S3Connection other) => Endpoint == other.Endpoint
        && (await _credentials.GetCredentialsAsync().ConfigureAwait(false)).AccessKey == (await other._credentials.GetCredentialsAsync().ConfigureAwait(false)).AccessKey;

    /// <summary>Returns the same connection for another region.</summary>
    /// <param name="region">The region.</param>
    public S3Connection WithRegion(string region)
    {
        // The endpoint of one AWS region does not serve buckets of another.
        var endpoint = Traits.IsAws ? null : _endpoint;
        return new(_credentials, endpoint, region, Traits, _retries, Report);
    }

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    private static AWSCredentials FindCredentials(S3Url url, CredentialProfile? profile, NetworkCredential? credential)
    {
        if (url.AccessKey is not null) return new BasicAWSCredentials(url.AccessKey, url.SecretKey);
        if (url.Profile is null && credential is not null) return new BasicAWSCredentials(credential.UserName, credential.Password);
        try
        {
            return url.Profile is null
                ? DefaultAWSCredentialsIdentityResolver.GetCredentials()
                : AWSCredentialsFactory.GetAWSCredentials(profile, new CredentialProfileStoreChain());
        }
        catch (Exception e) when (e is not (StoreException or OperationCanceledException))
        {
            throw new StoreException(StoreError.AuthenticationFailed,
                $"No credentials for '{url.DisplayUrl}' were found. Give -Credential (access key and secret key), set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile, as in 's3:profile@…'. {e.Message}",
                url.DisplayUrl, e);
        }
    }

    private static CredentialProfile? FindProfile(string? name, string shown)
    {
        var wanted = name ?? ReadVariable(["AWS_PROFILE"]) ?? "default";
        if (new CredentialProfileStoreChain().TryGetProfile(wanted, out var profile)) return profile;
        return name is null ? null : throw new StoreException(StoreError.InvalidUrl,
            $"'{shown}' names the profile '{name}', which neither ~/.aws/config nor ~/.aws/credentials has.", shown);
    }

    private static Uri? FindEndpoint(CredentialProfile? profile, S3Url url)
    {
        // The order of the SDK: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
        var ignores = ReadVariable(["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]);
        if (ignores is null ? profile?.IgnoreConfiguredEndpointUrls == true : ignores.Equals("true", StringComparison.OrdinalIgnoreCase)) return null;
        var text = ReadVariable(EndpointVariables) ?? ProfileEndpoint.Find(profile);
        if (string.IsNullOrWhiteSpace(text)) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var endpoint) && S3Url.IsWebAddress(endpoint) ? endpoint
            : throw new StoreException(StoreError.InvalidUrl, $"The server that the AWS configuration names for '{url.DisplayUrl}' is not an http or https address without a user.", url.DisplayUrl);
    }

    private static string? ReadVariable(string[] names)
        => names.Select(Environment.GetEnvironmentVariable).FirstOrDefault(value => !string.IsNullOrWhiteSpace(value));
}

/// <summary>Receives the repetition of a request.</summary>
/// <param name="key">The key of the object; <see langword="null"/> if it concerns several.</param>
/// <param name="attempt">The number of the next attempt.</param>
/// <param name="failure">Why the attempt before it failed.</param>
internal delegate void RetryReport(string? key, int attempt, Exception failure);
