using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3.Model;

namespace BorgStore.Backends.S3;

/// <content>Uploads in parts that a crash left without an end: invisible, and paid for.</content>
public sealed partial class S3Backend
{
    // An upload's own name holds no such character, an item's may.
    private const char IdSeparator = '?';

    /// <inheritdoc/>
    public async IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(
        TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        var newest = DateTime.UtcNow - olderThan;
        await foreach (var upload in ListUploadsAsync(cancellationToken).ConfigureAwait(false))
        {
            var begun = (upload.Initiated ?? DateTime.UtcNow).ToUniversalTime();
            // An upload that began long ago may still be at work: its last part tells.
            if (begun > newest || await MeasureAsync(upload, cancellationToken).ConfigureAwait(false) is not var (size, lastPart)) continue;
            var written = lastPart > begun ? lastPart : begun;
            if (written <= newest) yield return new($"{upload.Key[Root.Length..]}{IdSeparator}{upload.UploadId}", size, written);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        var separator = item.Id.LastIndexOf(IdSeparator);
        if (separator <= 0) throw new StoreException(StoreError.InvalidArgument, $"'{item.Id}' is no unfinished upload.", item.Id);
        return await TryAsync($"remove '{item.Id}'", item.Id,
            () => AbortAsync(KeyOf(item.Id[..separator]), item.Id[(separator + 1)..], cancellationToken)).ConfigureAwait(false);
    }

    private async Task<bool> AbortAsync(string key, string uploadId, CancellationToken cancellationToken)
    {
        try
        {
            await Bucket.Client.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = Bucket.Name, Key = key, UploadId = uploadId }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (AmazonServiceException e) when (e.ErrorCode == "NoSuchUpload" || S3Errors.IsAbsent(e))
        {
            return false;
        }
    }

    private async IAsyncEnumerable<MultipartUpload> ListUploadsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListMultipartUploadsRequest { BucketName = Bucket.Name, Prefix = Root };
        ListMultipartUploadsResponse page;
        do
        {
            page = await TryAsync($"list unfinished uploads of '{_url.Shown}'", _url.Shown,
                () => Bucket.Client.ListMultipartUploadsAsync(request, cancellationToken)).ConfigureAwait(false);
            foreach (var upload in page.MultipartUploads ?? [])
                yield return upload.Key?.StartsWith(Root, StringComparison.Ordinal) == true && !string.IsNullOrEmpty(upload.UploadId) ? upload
                    : throw S3Errors.Wrong("it lists an upload that was not asked for");
            if (page.IsTruncated == true && (request.KeyMarker, request.UploadIdMarker) == (page.NextKeyMarker, page.NextUploadIdMarker))
                throw S3Errors.Wrong("its listing of uploads does not lead on");
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
        while (page.IsTruncated == true);
    }

    // The size of the parts and the time of the last one, or null where the upload ended meanwhile.
    private async Task<(long Size, DateTime LastPart)?> MeasureAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        var (size, last, marker) = (0L, DateTime.MinValue, 0);
        var request = new ListPartsRequest { BucketName = Bucket.Name, Key = upload.Key, UploadId = upload.UploadId };
        ListPartsResponse page;
        do
        {
            try
            {
                page = await TryAsync($"look at an unfinished upload of '{_url.Shown}'", _url.Shown,
                    () => Bucket.Client.ListPartsAsync(request, cancellationToken)).ConfigureAwait(false);
            }
            catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
            {
                return null;
            }
            foreach (var part in page.Parts ?? [])
            {
                size += part.Size is >= 0 and var length && length <= long.MaxValue - size ? length : throw S3Errors.Wrong("it lists a part without a size");
                if (part.LastModified?.ToUniversalTime() is { } written && written > last) last = written;
            }
            if (page.IsTruncated == true && !(page.NextPartNumberMarker > marker)) throw S3Errors.Wrong("its listing of parts does not lead on");
            marker = page.NextPartNumberMarker ?? 0;
            request.PartNumberMarker = page.NextPartNumberMarker?.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        while (page.IsTruncated == true);
        return (size, last);
    }
}
