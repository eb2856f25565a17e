using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace BorgStore.Backends.S3;

/// <summary>What a server tells of an object.</summary>
/// <param name="Size">Its size [bytes].</param>
/// <param name="ETag">What changes with its content.</param>
/// <param name="LastWriteTime">When it was written (UTC).</param>
internal readonly record struct ObjectHead(long Size, string ETag, DateTime? LastWriteTime);

/// <summary>The requests that the backend makes, each in one place. They throw what the SDK throws.</summary>
/// <param name="connection">The server.</param>
/// <param name="name">The bucket.</param>
internal sealed partial class S3Bucket(S3Connection connection, string name)
{
    /// <summary>The most keys that one request lists or deletes.</summary>
    public const int BatchSize = 1000;

    // The metadata of a value that was stored only if there was none: which write it was.
    private const string MarkName = "borgstore-write";
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);

    private readonly AmazonS3Client _client = connection.Client;

    /// <summary>How often a listing is asked for whose answer ended too early.</summary>
    public const int DefaultListAttempts = 4;

    /// <summary>How often a listing is asked for whose answer ended too early.</summary>
    public int ListAttempts { get; init; } = DefaultListAttempts;

    /// <summary>The name.</summary>
    public string Name => name;

    /// <summary>What the server can do.</summary>
    public ServerTraits Traits => connection.Traits;

    /// <summary>The most that one request copies [bytes].</summary>
    public long LargestCopy { get; init; } = PartSizes.LargestCopy;

    /// <summary>The SDK's client.</summary>
    public AmazonS3Client Client => _client;

    /// <summary>Whether the server can make parts of an object out of this one.</summary>
    /// <param name="key">The key of this one.</param>
    /// <remarks>The gateway of Ceph (16, and earlier) decodes it twice there: it dies of a '%' that begins no code, and takes what follows a '?'
    /// for a query. Other copies it decodes once.</remarks>
    public bool CanCopyParts(string key) => Traits.IsAws || key.AsSpan().IndexOfAny('%', '?') < 0;

    /// <summary>Asks for an object without its content.</summary>
    /// <returns>What is known, or <see langword="null"/> if it does not exist.</returns>
    public async Task<ObjectHead?> HeadAsync(string key, CancellationToken cancellationToken)
        => await HeadAsync(key, checksums: false, cancellationToken).ConfigureAwait(false) is { } response
            ? new(response.ContentLength >= 0 ? response.ContentLength : throw S3Errors.Wrong("the size of a value is negative"), Demand(response.ETag), response.LastModified)
            : null;

    /// <summary>The same with the checksums that the server keeps.</summary>
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

    /// <summary>Begins to load an object.</summary>
    /// <param name="key">The key.</param>
    /// <param name="range">The part; of one before the end, all up to the end is asked for.</param>
    /// <param name="etag">What the object must still be, where that matters.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The answer and where in the object it begins, or <see langword="null"/> where the object is absent.</returns>
    public async Task<(GetObjectResponse Response, long Start)?> GetAsync(string key, ByteRange range, string? etag, CancellationToken cancellationToken)
    {
        var header = RangeHeader(range);
        try
        {
            if (connection.DirectLoad is { } direct && await direct.TryGetAsync(name, key, header, etag, cancellationToken).ConfigureAwait(false) is { } answer)
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

    /// <summary>Stores an object in one request.</summary>
    public async Task PutAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
        => Demand((await _client.PutObjectAsync(MakePut(key, content), cancellationToken).ConfigureAwait(false)).ETag);

    /// <summary>Stores an object in one request, if there is none.</summary>
    /// <returns>Whether it was stored.</returns>
    public async Task<bool> TryCreateAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        // When an answer is lost, the SDK repeats the request, and that meets the object of the first one. By its mark it is known.
        var mark = Guid.NewGuid().ToString("n");
        var request = MakePut(key, content);
        request.IfNoneMatch = "*";
        request.Metadata[MarkName] = mark;
        try
        {
            Demand((await _client.PutObjectAsync(request, cancellationToken).ConfigureAwait(false)).ETag);
            return true;
        }
        catch (AmazonServiceException e) when (S3Errors.IsConditionFailed(e))
        {
            return await HasMarkAsync(key, mark, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Uploads one part.</summary>
    /// <returns>What completes the upload.</returns>
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
        Demand(response.ETag);
        return new(response);
    }

    /// <summary>Deletes an object; nobody learns whether it was there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="etag">What it must still be, where the server can tell.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task DeleteAsync(string key, string? etag, CancellationToken cancellationToken)
        => _client.DeleteObjectAsync(new DeleteObjectRequest
        {
            BucketName = name,
            Key = key,
            IfMatch = Traits.ConditionalCopies ? etag : null,
        }, cancellationToken);

    /// <summary>Deletes up to a thousand objects in one request.</summary>
    /// <returns>Those that are still there, with the reason.</returns>
    public async Task<IReadOnlyList<DeleteError>> DeleteAsync(IEnumerable<string> keys, CancellationToken cancellationToken)
    {
        // XML has no words for some keys of others, which go one by one.
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

    /// <summary>Asks for one page of a listing.</summary>
    /// <param name="prefix">What all keys begin with.</param>
    /// <param name="oneLevel">Whether deeper keys are gathered to directories.</param>
    /// <param name="continuation">Where the last page ended.</param>
    /// <param name="max">How many keys at most.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<ListObjectsV2Response> ListAsync(string prefix, bool oneLevel, string? continuation, int max, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var page = await _client.ListObjectsV2Async(new ListObjectsV2Request
                {
                    BucketName = name,
                    Prefix = prefix,
                    Delimiter = oneLevel ? "/" : null,
                    ContinuationToken = continuation,
                    MaxKeys = max,
                    // Foreign keys may hold what XML cannot.
                    Encoding = EncodingType.Url,
                }, cancellationToken).ConfigureAwait(false);
                CheckPage(page, prefix, continuation);
                return page;
            }
            catch (Exception e) when (S3Errors.IsShortAnswer(e) && attempt < ListAttempts)
            {
                await Task.Delay(FirstPause * (1 << attempt), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A key as a listing gives it.</summary>
    public static string Decode(string key) => key.AsSpan().IndexOfAny('%', '+') < 0 ? key : WebUtility.UrlDecode(key);

    // A suffix is asked for to its end, which makes it one request; what follows the wanted part is left unread.
    private static string? RangeHeader(ByteRange range)
    {
        if (range.IsWhole) return null;
        if (range.Offset < 0) return FormattableString.Invariant($"bytes={range.Offset}");
        return range.Length is { } length && length <= long.MaxValue - range.Offset
            ? FormattableString.Invariant($"bytes={range.Offset}-{range.Offset + length - 1}")
            : FormattableString.Invariant($"bytes={range.Offset}-");
    }

    // Returns where the answer begins. What is all of an object may be answered without saying which part it is.
    private static long CheckPart(GetObjectResponse response, ByteRange range)
    {
        var length = response.ContentLength;
        decimal? most = range.Offset < 0 ? -(decimal)range.Offset : range.Length;
        if (string.IsNullOrEmpty(response.ContentRange))
            return range.Offset <= 0 && !(length > most) ? 0 : throw S3Errors.Wrong("it sends all of the value where a part was asked for");
        return RangePattern().Match(response.ContentRange) is { Success: true } match
            && long.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && long.TryParse(match.Groups[2].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && (range.Offset < 0 || start == range.Offset) && last - start == length - 1 && !(length > most)
            ? start : throw S3Errors.Wrong("it sends another part of the value than was asked for");
    }

    // Keys that were not asked for would become other items' names, and a listing that does not lead on would never end.
    private static void CheckPage(ListObjectsV2Response page, string prefix, string? continuation)
    {
        if (string.IsNullOrEmpty(page.Name)) throw S3Errors.Wrong("it sends something else than a listing");
        foreach (var item in page.S3Objects ?? [])
        {
            if (item.Key is null || !Decode(item.Key).StartsWith(prefix, StringComparison.Ordinal)) throw S3Errors.Wrong("its listing has a key that was not asked for");
            if (item.Size is not >= 0) throw S3Errors.Wrong("its listing has a value without a size");
        }
        foreach (var directory in page.CommonPrefixes ?? [])
        {
            if (directory is null || Decode(directory) is not [.., '/'] key || key.Length <= prefix.Length || !key.StartsWith(prefix, StringComparison.Ordinal))
                throw S3Errors.Wrong("its listing has a directory that was not asked for");
        }
        if (page.IsTruncated == true && (string.IsNullOrEmpty(page.NextContinuationToken) || page.NextContinuationToken == continuation))
            throw S3Errors.Wrong("its listing does not lead on");
    }

    // What every server tells of a value that it has, and no web page.
    private static string Demand(string? etag) => string.IsNullOrEmpty(etag) ? throw S3Errors.Wrong("it does not tell the ETag of a value") : etag;

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
            // Who may write but not read can't tell.
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

    private static ChecksumAlgorithm? ChecksumOf(ChecksumKind kind) => kind switch
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
