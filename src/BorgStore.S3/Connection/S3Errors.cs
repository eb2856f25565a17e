using System.Net;
using System.Text.RegularExpressions;
using System.Xml;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using BorgStore.Backends.Http;

namespace BorgStore.Backends.S3.Connection;

/// <summary>Maps the server's errors to those of a store, with advice.</summary>
internal static partial class S3Errors
{
    private static readonly Dictionary<string, (StoreError Error, string Advice)> Codes = new(StringComparer.Ordinal)
    {
        ["NoSuchBucket"] = (StoreError.StoreDoesNotExist, "There is no such bucket there. Create it first, or check its name and the server's address."),
        ["InvalidBucketName"] = (StoreError.InvalidUrl, "The bucket's name is not valid there."),
        ["NoSuchKey"] = (StoreError.ObjectNotFound, ""),
        ["NotFound"] = (StoreError.ObjectNotFound, ""),
        ["NoSuchUpload"] = (StoreError.ObjectNotFound, "Another client ended the upload."),
        ["AccessDenied"] = (StoreError.PermissionDenied, "Check the policies of bucket and user."),
        ["Forbidden"] = (StoreError.PermissionDenied, "Check the key, and the policies of bucket and user."),
        ["AllAccessDisabled"] = (StoreError.PermissionDenied, "The provider has disabled the bucket."),
        ["AccountProblem"] = (StoreError.PermissionDenied, "The provider refuses the account."),
        ["InvalidAccessKeyId"] = (StoreError.AuthenticationFailed, "The server does not know the access key."),
        ["SignatureDoesNotMatch"] = (StoreError.AuthenticationFailed, "The secret key is wrong; special characters in a URL must be percent-encoded."),
        ["InvalidToken"] = (StoreError.AuthenticationFailed, "The session token is not valid."),
        ["ExpiredToken"] = (StoreError.AuthenticationFailed, Renew),
        ["ExpiredTokenException"] = (StoreError.AuthenticationFailed, Renew),
        ["TokenRefreshRequired"] = (StoreError.AuthenticationFailed, Renew),
        ["RequestExpired"] = (StoreError.AuthenticationFailed, SetClock),
        ["RequestTimeTooSkewed"] = (StoreError.AuthenticationFailed, SetClock),
        ["AuthorizationHeaderMalformed"] = (StoreError.InvalidUrl, OtherRegion),
        ["PermanentRedirect"] = (StoreError.InvalidUrl, OtherRegion),
        ["TemporaryRedirect"] = (StoreError.InvalidUrl, OtherRegion),
        ["MovedPermanently"] = (StoreError.InvalidUrl, OtherRegion),
        ["IllegalLocationConstraintException"] = (StoreError.InvalidUrl, OtherRegion),
        ["SlowDown"] = (StoreError.BackendFailure, Busy),
        ["ServiceUnavailable"] = (StoreError.BackendFailure, Busy),
        ["Throttling"] = (StoreError.BackendFailure, Busy),
        ["ThrottlingException"] = (StoreError.BackendFailure, Busy),
        ["TooManyRequests"] = (StoreError.BackendFailure, Busy),
        ["RequestTimeout"] = (StoreError.Timeout, "The server received no bytes for too long."),
        ["InvalidRange"] = (StoreError.ReadRange, "The value is shorter than that."),
        ["QuotaExceeded"] = (StoreError.QuotaExceeded, "The server's quota leaves no room for it."),
        ["InsufficientStorage"] = (StoreError.NoSpace, "The server has no room left."),
        ["XMinioStorageFull"] = (StoreError.NoSpace, "The server has no room left."),
        ["EntityTooLarge"] = (StoreError.NotSupported, ServerText.TooLarge),
        ["RequestEntityTooLarge"] = (StoreError.NotSupported, ServerText.TooLarge),
        ["InvalidObjectState"] = (StoreError.NotSupported, "The value is in an archive; have the provider restore it first."),
        ["NotImplemented"] = (StoreError.NotSupported, "The server cannot do this."),
        ["MethodNotAllowed"] = (StoreError.NotSupported, "The server cannot do this."),
        ["BadDigest"] = (StoreError.HashMismatch, "The value was corrupted in transit; nothing was stored."),
        ["XAmzContentSHA256Mismatch"] = (StoreError.HashMismatch, "The value was corrupted in transit; nothing was stored."),
        ["PreconditionFailed"] = (StoreError.BackendFailure, "Another client changed it meanwhile. Try again."),
        ["ConditionalRequestConflict"] = (StoreError.BackendFailure, "Another client changed it meanwhile. Try again."),
    };

    private const string Renew = "The credentials have expired. Renew them, as with 'aws sso login', and open the store again.";
    private const string SetClock = "The clock of this machine differs too much from the server's. Set it.";
    private const string OtherRegion = "The bucket is in another region. Add it to the URL, as in '?region=eu-central-1'.";
    private const string Busy = RetryAfter.Advice;

    /// <summary>Returns whether the exception means that there is no such item.</summary>
    public static bool IsAbsent(AmazonServiceException e) => e.ErrorCode is "NoSuchKey" or "NotFound" || (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket" && e.ErrorCode != "NoSuchUpload");

    /// <summary>Returns whether a condition of the request was not met.</summary>
    public static bool IsConditionFailed(AmazonServiceException e)
        => e.StatusCode == HttpStatusCode.PreconditionFailed || e.ErrorCode is "PreconditionFailed" or "ConditionalRequestConflict";

    /// <summary>Returns whether the range is outside the value.</summary>
    public static bool IsOutsideRange(AmazonServiceException e) => e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable;

    /// <summary>Returns whether the body ended early without a connection error.
    /// Unlike after a broken connection, the SDK does not retry then.</summary>
    public static bool IsTruncatedResponse(Exception e) => Find<XmlException>(e) is not null;

    /// <summary>Returns the bucket's region according to the server, if the error is about a wrong region.</summary>
    public static string? FindRegion(AmazonServiceException e)
    {
        var code = e.ErrorCode ?? "";
        if (!(Codes.TryGetValue(code, out var known) && known.Advice == OtherRegion) && e.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect)) return null;
        var header = (e.InnerException as HttpErrorResponseException)?.Response?.GetHeaderValue("x-amz-bucket-region");
        if (!string.IsNullOrEmpty(header)) return header;
        var expected = ExpectedRegion().Match(e.Message);
        return expected.Success ? expected.Groups[1].Value : null;
    }

    /// <summary>Returns the exception for the caller.</summary>
    /// <param name="cause">The original exception.</param>
    /// <param name="name">The item concerned, if there is one.</param>
    public static StoreException ToStoreException(Exception cause, string? name)
    {
        var (error, why) = Explain(cause);
        return new(error, why, name, cause);
    }

    /// <summary>Returns the exception for a response that no S3 server sends.</summary>
    /// <param name="problem">What is wrong with it, as the end of a sentence.</param>
    /// <param name="cause">The exception that caused this one, if any.</param>
    public static StoreException InvalidResponse(string problem, Exception? cause = null)
        => new(StoreError.BackendFailure, $"The S3 server sent an invalid response: {problem}. Check that the URL is that of an S3 server.", innerException: cause);

    /// <summary>Returns whether this class can explain an exception.</summary>
    public static bool IsFailure(Exception e)
        => e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or XmlException or TimeoutException or UnreachableException
            or ProcessAWSCredentialException;

    /// <summary>Explains the error that a batch reports for one of its keys.</summary>
    public static (StoreError Error, string Why) Explain(string? code, string? message)
    {
        (code, message) = (ServerText.Clean(code ?? "nothing"), message is null ? null : ServerText.Clean(message));
        var said = string.IsNullOrEmpty(message) ? $"the server says {code}." : $"the server says {code}, {message.TrimEnd('.')}.";
        return Codes.TryGetValue(code, out var known) ? (known.Error, $"{said} {known.Advice}") : (StoreError.BackendFailure, said);
    }

    private static (StoreError Error, string Why) Explain(Exception cause)
    {
        if (Find<UnreachableException>(cause) is { } unreachable) return (unreachable.Error, unreachable.Message);
        if (Find<ProcessAWSCredentialException>(cause) is { } program)
            return (StoreError.AuthenticationFailed, $"the program that the AWS configuration names as credential_process gives no credentials: {ServerText.Clean(program.Message)}");
        if (Find<TimeoutException>(cause) is not null)
            return (StoreError.Timeout, "the server stopped responding. Whether the operation was completed is not known; check before you repeat it.");
        if (cause is AmazonServiceException { ErrorCode: null or "" or "MovedPermanently" or "Found" } moved
            && ServerText.DescribeMove((int)moved.StatusCode, (moved.InnerException as HttpErrorResponseException)?.Response?.GetHeaderValue("Location")) is { } target)
            return (StoreError.InvalidUrl, target);
        if (cause is AmazonServiceException { StatusCode: not 0 } service) return Explain(CodeOf(service), HasText(service) ? service.Message : null);
        // The SDK has no exception type for this.
        if (cause is AmazonClientException && cause.Message.Contains("have already expired", StringComparison.Ordinal)) return (StoreError.AuthenticationFailed, Renew);
        var innermost = cause;
        while (innermost.InnerException is { } inner) innermost = inner;
        if (Find<XmlException>(cause) is not null)
            return (StoreError.ConnectionLost, "the answer was cut off, or there is no S3 server at that address.");
        return Find<HttpRequestException>(cause) is not null || Find<IOException>(cause) is not null
            ? (StoreError.ConnectionLost, $"{innermost.Message.TrimEnd('.')}.")
            : (StoreError.BackendFailure, ServerText.Clean(innermost.Message));
    }

    // For a response without a body, the SDK generates a message from the status.
    private static bool HasText(AmazonServiceException e)
        => e.ErrorCode is not null && !e.Message.StartsWith("Error making request with Error Code", StringComparison.Ordinal);

    // Responses to HEAD have no body and so no code; and some servers never send one.
    private static string CodeOf(AmazonServiceException e) => e.ErrorCode is { Length: > 0 } code && !code.All(char.IsAsciiDigit) ? code : e.StatusCode switch
    {
        HttpStatusCode.NotFound => "NotFound",
        HttpStatusCode.RequestEntityTooLarge => "RequestEntityTooLarge",
        HttpStatusCode.Forbidden => "Forbidden",
        HttpStatusCode.MovedPermanently => "PermanentRedirect",
        HttpStatusCode.TemporaryRedirect => "TemporaryRedirect",
        HttpStatusCode.TooManyRequests => "TooManyRequests",
        HttpStatusCode.ServiceUnavailable => "ServiceUnavailable",
        HttpStatusCode.InsufficientStorage => "InsufficientStorage",
        HttpStatusCode.NotImplemented => "NotImplemented",
        _ => $"{(int)e.StatusCode}",
    };

    private static T? Find<T>(Exception? e) where T : Exception
    {
        for (; e is not null; e = e.InnerException)
            if (e is T found) return found;
        return null;
    }

    [GeneratedRegex("expecting '([a-z0-9-]+)'")]
    private static partial Regex ExpectedRegion();
}
