using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Amazon.Runtime;
using Amazon.S3.Model;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3.Connection;

/// <summary>Loads objects with a single request, signed here with Signature Version 4.</summary>
/// <remarks>
/// The SDK's overhead per request is several times the rest of the cost of a small load. Everything but plain successes is left to the SDK:
/// any other response leads to another request through the SDK, which follows redirects, retries, corrects the clock and explains errors.
/// </remarks>
internal sealed class DirectLoadClient
{
    private const string Algorithm = "AWS4-HMAC-SHA256";
    private const string EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    /// <summary>Values up to this size [bytes] are in memory when loading returns.</summary>
    private const int SmallSize = 64 * 1024;

    private readonly HttpMessageInvoker _connections;
    private readonly AWSCredentials _credentials;
    private readonly string _origin;
    private readonly string _authority;
    private readonly string _region;
    private SigningKey? _key;
    private volatile bool _isOff;

    /// <summary>Initializes loading from a server that takes the bucket in the path.</summary>
    /// <param name="connections">The connections, without stall detection.</param>
    /// <param name="credentials">The credentials to sign with.</param>
    /// <param name="server">The server.</param>
    /// <param name="region">The region to sign for.</param>
    public DirectLoadClient(HttpMessageInvoker connections, AWSCredentials credentials, Uri server, string region)
    {
        (_connections, _credentials, _region) = (connections, credentials, region);
        (_origin, _authority) = (server.GetLeftPart(UriPartial.Authority), server.Authority);
    }

    /// <summary>Receives the requests that the SDK repeats because the server failed.</summary>
    public RetryReport? Report { get; init; }

    /// <summary>Starts to load an object.</summary>
    /// <param name="bucket">The bucket.</param>
    /// <param name="key">The key.</param>
    /// <param name="range">The value of the Range header, or <see langword="null"/> for the whole object.</param>
    /// <param name="etag">The ETag that the object must still have, or <see langword="null"/> for any.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The response, or <see langword="null"/> if the request must be made through the SDK.</returns>
    public async Task<GetObjectResponse?> TryGetAsync(string bucket, string key, string? range, string? etag, CancellationToken cancellationToken)
    {
        if (_isOff) return null;
        var path = PathOf(bucket, key);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_origin + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (range is not null) request.Headers.TryAddWithoutValidation("Range", range);
        if (etag is not null) request.Headers.TryAddWithoutValidation("If-Match", etag);
        Sign(request, path, await _credentials.GetCredentialsAsync().ConfigureAwait(false), DateTime.UtcNow);

        using var watch = new StallWatch(StallHandler.DefaultLimit, cancellationToken);
        watch.Start();
        HttpResponseMessage? answer = null;
        try
        {
            answer = await _connections.SendAsync(request, watch.Token).ConfigureAwait(false);
            if (answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent && answer.Content.Headers.ContentLength is { } length)
            {
                var body = await answer.Content.ReadAsStreamAsync(watch.Token).ConfigureAwait(false);
                var response = new GetObjectResponse
                {
                    ContentLength = length,
                    ContentRange = Find(answer.Content.Headers, "Content-Range"),
                    ETag = Find(answer.Headers, "ETag"),
                    ResponseStream = length <= SmallSize
                        ? await ReadAsync(body, (int)length, watch.Token).ConfigureAwait(false)
                        : new StallDetectingStream(body, new StallWatch(StallHandler.DefaultLimit, CancellationToken.None)),
                };
                if (length > SmallSize) answer = null;
                return response;
            }
            // Other refusals would occur again, so direct loading is turned off.
            if ((int)answer.StatusCode is < 500 and not (404 or 412 or 416 or 429)) _isOff = true;
            if ((int)answer.StatusCode is >= 500 or 429) Report?.Invoke(key, 2, new HttpRequestException($"The server answered with the status {(int)answer.StatusCode}."));
            return null;
        }
        catch (OperationCanceledException e) when (watch.HasStalled)
        {
            throw StallHandler.Stalled(watch, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            Report?.Invoke(key, 2, e);
            return null;
        }
        finally
        {
            answer?.Dispose();
        }
    }

    private static async Task<MemoryStream> ReadAsync(Stream body, int length, CancellationToken cancellationToken)
    {
        var bytes = new byte[length];
        await body.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return new(bytes, 0, length, writable: false, publiclyVisible: true);
    }

    private static string? Find(HttpHeaders headers, string name)
        => headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;

    private static string PathOf(string bucket, string key)
        => $"/{bucket}/{string.Join('/', key.Split('/').Select(Uri.EscapeDataString))}";

    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    private void Sign(HttpRequestMessage request, string path, ImmutableCredentials credentials, DateTime now)
    {
        var time = now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var day = time[..8];
        var signed = "host;x-amz-content-sha256;x-amz-date";
        var headers = $"host:{_authority}\nx-amz-content-sha256:{EmptyHash}\nx-amz-date:{time}\n";
        request.Headers.Add("x-amz-content-sha256", EmptyHash);
        request.Headers.Add("x-amz-date", time);
        if (credentials.UseToken)
        {
            signed += ";x-amz-security-token";
            headers += $"x-amz-security-token:{credentials.Token}\n";
            request.Headers.TryAddWithoutValidation("x-amz-security-token", credentials.Token);
        }
        var scope = $"{day}/{_region}/s3/aws4_request";
        var canonical = Hex(SHA256.HashData(Encoding.UTF8.GetBytes($"GET\n{path}\n\n{headers}\n{signed}\n{EmptyHash}")));
        var signature = Hex(HMACSHA256.HashData(KeyFor(credentials, day), Encoding.UTF8.GetBytes($"{Algorithm}\n{time}\n{scope}\n{canonical}")));
        request.Headers.TryAddWithoutValidation("Authorization",
            $"{Algorithm} Credential={credentials.AccessKey}/{scope}, SignedHeaders={signed}, Signature={signature}");
    }

    private byte[] KeyFor(ImmutableCredentials credentials, string day)
    {
        if (_key is { } known && known.Day == day && known.Secret == credentials.SecretKey) return known.Bytes;
        var bytes = Encoding.UTF8.GetBytes("AWS4" + credentials.SecretKey);
        foreach (var part in new[] { day, _region, "s3", "aws4_request" }) bytes = HMACSHA256.HashData(bytes, Encoding.UTF8.GetBytes(part));
        _key = new(credentials.SecretKey, day, bytes);
        return bytes;
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes).ToLowerInvariant();

    private sealed record SigningKey(string Secret, string Day, byte[] Bytes);
}
