using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.S3.Values;

/// <summary>The server's information about an object.</summary>
/// <param name="Size">Its size [bytes].</param>
/// <param name="ETag">Its ETag, which changes with its content.</param>
/// <param name="LastWriteTime">When it was last written (UTC).</param>
internal readonly record struct ObjectHead(long Size, string ETag, DateTime? LastWriteTime);

/// <summary>The requests of the backend. They pass on the SDK's exceptions.</summary>
/// <param name="connection">The server.</param>
/// <param name="name">The bucket.</param>
internal sealed partial class BucketClient(S3Connection connection, string name)
{
    /// <summary>The maximum number of keys that one request lists or deletes.</summary>
    public const int BatchSize = 1000;

    // The metadata that identifies the write of a value stored on the condition that it is new.
    private const string MarkName = "borgstore-write";

    private readonly AmazonS3Client _client = connection.Client;

    /// <summary>When to retry after a response that ends too early, which the SDK does not retry.</summary>
    public RetrySchedule Retry { get; init; } = S3Connection.DefaultRetry;

    /// <summary>Receives the requests that are repeated here, and not by the SDK.</summary>
    public RetryReport? Report => connection.Report;

    /// <summary>The name.</summary>
    public string Name => name;

    /// <summary>The features of the server.</summary>
    public ServerTraits Traits => connection.Traits;

    /// <summary>The maximum size of a copy by one request [bytes].</summary>
    public long MaxCopySize { get; init; } = PartSizes.MaxCopySize;

    /// <summary>The SDK's client.</summary>
    public AmazonS3Client Client => _client;

    /// <summary>Returns whether the server can copy parts from an object.</summary>
    /// <param name="key">The key of the object.</param>
    /// <remarks>For such copies the gateway of Ceph (16 and earlier) decodes the key twice: it crashes on a '%' that
    /// starts no escape, and takes what follows a '?' as a query. For other copies it decodes the key once.</remarks>
    public bool CanCopyParts(string key) => Traits.IsAws || key.AsSpan().IndexOfAny('%', '?') < 0;

    /// <summary>Gets information about an object.</summary>
    /// <returns>The information, or <see langword="null"/> if it does not exist.</returns>
    public async Task<ObjectHead?> HeadAsync(string key, CancellationToken cancellationToken)
        => await HeadAsync(key, checksums: false, cancellationToken).ConfigureAwait(false) is { } response
            ? new(response.ContentLength >= 0 ? response.ContentLength : throw S3Errors.InvalidResponse("the size of a value is negative"), RequireETag(response.ETag), response.LastModified)
            : null;

    /// <summary>Gets information about an object, including the checksums that the server keeps.</summary>
    public async Task<GetObjectMetadataResponse?> HeadAsync(string key, bool checksums, CancellationToken cancellationToken)
    {
        try
        {
            return await _client.GetObjectMetadataAsync(new GetObjectMetadataRequest
            {
                BucketName = name,
                Key = key,
                ChecksumMode = checksums ? ChecksumMode.ENABLED : null,
            }, cancellationToken).ConfigureAwait(false);
        }
        catch (AmazonServiceException e) when (S3Errors.IsAbsent(e))
        {
            return null;
        }
    }

    /// <summary>Starts to load an object.</summary>
    /// <param name="key">The key.</param>
    /// <param name="range">The range; for one that counts from the end, everything up to the end is requested.</param>
    /// <param name="etag">The ETag that the object must still have, or <see langword="null"/> for any.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The response and its offset in the object, or <see langword="null"/> if the object does not exist.</returns>
    public async Task<(GetObjectResponse Response, long Start)?> GetAsync(string key, ByteRange range, string? etag, CancellationToken cancellationToken)
    {
        var header = RangeHeader(range);
        try
        {
            if (connection.DirectLoadClient is { } direct && await direct.TryGetAsync(name, key, header, etag, cancellationToken).ConfigureAwait(false) is { } answer)
                return (answer, CheckPart(answer, range));
            var response = await _client.GetObjectAsync(new GetObjectRequest
            {
                BucketName = name,
                Key = key,
                ByteRange = header is null ? null : new Amazon.S3.Model.ByteRange(header),
                EtagToMatch = etag,
            }, cancellationToken).ConfigureAwait(false);
            return (response, CheckPart(response, range));
        }
        catch (AmazonServiceException e) when (S3Errors.IsAbsent(e))
        {
            return null;
        }
    }

    /// <summary>Stores an object by one request.</summary>
    public async Task PutAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
        => RequireETag((await _client.PutObjectAsync(MakePut(key, content), cancellationToken).ConfigureAwait(false)).ETag);

    /// <summary>Stores an object by one request if it does not exist.</summary>
    /// <returns>Whether it was stored.</returns>
    public async Task<bool> TryCreateAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        // If a response is lost, the SDK retries the request, which then meets the object of the first one. The mark identifies it.
        var mark = Guid.NewGuid().ToString("n");
        var request = MakePut(key, content);
        request.IfNoneMatch = "*";
        request.Metadata[MarkName] = mark;
        try
        {
            RequireETag((await _client.PutObjectAsync(request, cancellationToken).ConfigureAwait(false)).ETag);
            return true;
        }
        catch (AmazonServiceException e) when (S3Errors.IsConditionFailed(e))
        {
            return await HasMarkAsync(key, mark, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Uploads one part.</summary>
    /// <returns>The result, which is needed to complete the upload.</returns>
    public async Task<PartETag> PutPartAsync(string key, string uploadId, int number, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var response = await _client.UploadPartAsync(new UploadPartRequest
        {
            BucketName = name,
            Key = key,
            UploadId = uploadId,
            PartNumber = number,
            PartSize = content.Length,
            InputStream = AsStream(content),
            UseChunkEncoding = false,
            DisablePayloadSigning = Traits.UnsignedPayload,
        }, cancellationToken).ConfigureAwait(false);
        RequireETag(response.ETag);
        return new(response);
    }

    /// <summary>Deletes an object; whether it existed is not reported.</summary>
    /// <param name="key">The key.</param>
    /// <param name="etag">The ETag that the object must still have, if the server supports that condition.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task DeleteAsync(string key, string? etag, CancellationToken cancellationToken)
        => _client.DeleteObjectAsync(new DeleteObjectRequest
        {
            BucketName = name,
            Key = key,
            IfMatch = Traits.ConditionalCopies ? etag : null,
        }, cancellationToken);

    /// <summary>Deletes up to a thousand objects in one request.</summary>
    /// <returns>The objects that could not be deleted, with the reason.</returns>
    public async Task<IReadOnlyList<DeleteError>> DeleteAsync(IEnumerable<string> keys, CancellationToken cancellationToken)
    {
        // Keys that XML cannot represent are deleted one at a time.
        var kinds = keys.ToLookup(key => key.Any(c => c is < ' ' or '\uFFFE' or '\uFFFF'));
        var errors = new List<DeleteError>();
        foreach (var key in kinds[true]) await DeleteOneAsync(key).ConfigureAwait(false);
        if (!kinds[false].Any()) return errors;

        var request = new DeleteObjectsRequest { BucketName = name, Objects = [.. kinds[false].Select(key => new KeyVersion { Key = key })], Quiet = true };
        try
        {
            var response = await _client.DeleteObjectsAsync(request, cancellationToken).ConfigureAwait(false);
            errors.AddRange(response.DeleteErrors ?? []);
        }
        catch (DeleteObjectsException e)
        {
            errors.AddRange(e.Response.DeleteErrors ?? []);
        }
        return errors;

        async Task DeleteOneAsync(string key)
        {
            try
            {
                await DeleteAsync(key, etag: null, cancellationToken).ConfigureAwait(false);
            }
            catch (AmazonServiceException e) when (e.ErrorCode is not null)
            {
                errors.Add(new() { Key = key, Code = e.ErrorCode, Message = e.Message });
            }
        }
    }

    /// <summary>Requests one page of a listing.</summary>
    /// <param name="prefix">The prefix of all keys.</param>
    /// <param name="oneLevel">Whether to combine deeper keys into directories.</param>
    /// <param name="startAfter">The key after which the first page begins; <see langword="null"/> for the beginning.</param>
    /// <param name="continuation">The token from the previous page.</param>
    /// <param name="max">The maximum number of keys.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<ListObjectsV2Response> ListAsync(
        string prefix, bool oneLevel, string? startAfter, string? continuation, int max, CancellationToken cancellationToken)
    {
        for (var failures = 0; ; failures++)
        {
            try
            {
                var page = await _client.ListObjectsV2Async(new ListObjectsV2Request
                {
                    BucketName = name,
                    Prefix = prefix,
                    Delimiter = oneLevel ? "/" : null,
                    ContinuationToken = continuation,
                    StartAfter = startAfter,
                    MaxKeys = max,
                    // Foreign keys may contain characters that XML cannot represent.
                    Encoding = EncodingType.Url,
                }, cancellationToken).ConfigureAwait(false);
                CheckPage(page, prefix, continuation);
                return page;
            }
            catch (Exception e) when (S3Errors.IsTruncatedResponse(e) && failures < Retry.Retries)
            {
                Report?.Invoke(null, failures + 2, e);
                await Task.Delay(Retry.GetPause(failures)!.Value, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Decodes a key from a listing.</summary>
    public static string Decode(string key) => key.AsSpan().IndexOfAny('%', '+') < 0 ? key : WebUtility.UrlDecode(key);

    // A range that counts from the end is requested up to the end, so that one request is enough; what follows the wanted part is not read.
    private static string? RangeHeader(ByteRange range)
    {
        if (range.IsWhole) return null;
        if (range.Offset < 0) return FormattableString.Invariant($"bytes={range.Offset}");
        return range.Length is { } length && length <= long.MaxValue - range.Offset
            ? FormattableString.Invariant($"bytes={range.Offset}-{range.Offset + length - 1}")
            : FormattableString.Invariant($"bytes={range.Offset}-");
    }

    // Returns the offset of the response. A response with the whole object may have no content range.
    private static long CheckPart(GetObjectResponse response, ByteRange range)
    {
        var length = response.ContentLength;
        decimal? most = range.Offset < 0 ? -(decimal)range.Offset : range.Length;
        if (string.IsNullOrEmpty(response.ContentRange))
            return range.Offset <= 0 && !(length > most) ? 0 : throw S3Errors.InvalidResponse("it contains all of the value, but a part was requested");
        return RangePattern().Match(response.ContentRange) is { Success: true } match
            && long.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && long.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && (range.Offset < 0 || start == range.Offset) && last - start == length - 1 && !(length > most)
            ? start : throw S3Errors.InvalidResponse("it contains a different part of the value than the requested one");
    }

    // Unexpected keys would become names of other items, and a listing that does not progress would never end.
    private static void CheckPage(ListObjectsV2Response page, string prefix, string? continuation)
    {
        if (string.IsNullOrEmpty(page.Name)) throw S3Errors.InvalidResponse("it contains something other than a listing");
        foreach (var item in page.S3Objects ?? [])
        {
            if (item.Key is null || !Decode(item.Key).StartsWith(prefix, StringComparison.Ordinal)) throw S3Errors.InvalidResponse("its listing has a key that was not requested");
            if (item.Size is not >= 0) throw S3Errors.InvalidResponse("its listing has a value without a size");
        }
        foreach (var directory in page.CommonPrefixes ?? [])
        {
            if (directory is null || Decode(directory) is not [.., '/'] key || key.Length <= prefix.Length || !key.StartsWith(prefix, StringComparison.Ordinal))
                throw S3Errors.InvalidResponse("its listing has a directory that was not requested");
        }
        if (page.IsTruncated == true && (string.IsNullOrEmpty(page.NextContinuationToken) || page.NextContinuationToken == continuation))
            throw S3Errors.InvalidResponse("its listing does not advance");
    }

    // Every server sends an ETag for a stored value, but web pages have none.
    private static string RequireETag(string? etag) => string.IsNullOrEmpty(etag) ? throw S3Errors.InvalidResponse("it does not contain the ETag of a value") : etag;

    [GeneratedRegex("^bytes ([0-9]+)-([0-9]+)/(?:[0-9]+|\\*)$")]
    private static partial Regex RangePattern();

    private async Task<bool> HasMarkAsync(string key, string mark, CancellationToken cancellationToken)
    {
        try
        {
            return (await HeadAsync(key, checksums: false, cancellationToken).ConfigureAwait(false))?.Metadata[MarkName] == mark;
        }
        catch (AmazonServiceException e) when (e.StatusCode == HttpStatusCode.Forbidden)
        {
            // A user who may write but not read cannot find out.
            return false;
        }
    }

    private PutObjectRequest MakePut(string key, ReadOnlyMemory<byte> content) => new()
    {
        BucketName = name,
        Key = key,
        InputStream = AsStream(content),
        UseChunkEncoding = false,
        DisablePayloadSigning = Traits.UnsignedPayload,
        ChecksumAlgorithm = ChecksumOf(Traits.Checksum),
    };

    /// <summary>Returns the checksum that the server computes of a new object.</summary>
    /// <param name="kind">The kind of checksum.</param>
    public static ChecksumAlgorithm? ChecksumOf(ChecksumKind kind) => kind switch
    {
        ChecksumKind.Crc32 => ChecksumAlgorithm.CRC32,
        ChecksumKind.Sha256 => ChecksumAlgorithm.SHA256,
        _ => null,
    };

    // The SDK reads a value more than once: for its hash, and for each attempt.
    private static MemoryStream AsStream(ReadOnlyMemory<byte> content)
        => MemoryMarshal.TryGetArray(content, out var segment)
            ? new(segment.Array!, segment.Offset, segment.Count, writable: false)
            : new(content.ToArray(), writable: false);
}
