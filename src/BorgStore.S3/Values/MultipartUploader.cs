using System.Globalization;
using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3.Model;
using BorgStore.Backends.S3.Connection;

namespace BorgStore.Backends.S3.Values;

/// <summary>An upload of one object in parts that are sent or copied in parallel. The object becomes visible completely or not at all.</summary>
internal sealed class MultipartUploader : IDisposable
{
    private const int Width = 4;
    private static readonly TimeSpan AbortLimit = TimeSpan.FromSeconds(30);

    private readonly BucketClient _bucket;
    private readonly string _key;
    private readonly string _id;
    private readonly CancellationTokenSource _failed;
    private readonly SemaphoreSlim _slots = new(Width, Width);
    private readonly List<Task<PartETag>> _parts = [];

    private MultipartUploader(BucketClient bucket, string key, string id, CancellationToken cancellationToken)
    {
        (_bucket, _key, _id) = (bucket, key, id);
        _failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>Uploads an object.</summary>
    /// <param name="bucket">The bucket.</param>
    /// <param name="key">The key.</param>
    /// <param name="onlyIfAbsent">Whether to fail if the object already exists.</param>
    /// <param name="addParts">Adds the parts, in order.</param>
    /// <param name="cancellationToken">A token to cancel the operation, which then leaves nothing behind.</param>
    public static async Task RunAsync(BucketClient bucket, string key, bool onlyIfAbsent, Func<MultipartUploader, Task> addParts, CancellationToken cancellationToken)
    {
        var begun = await bucket.Client.InitiateMultipartUploadAsync(
            new InitiateMultipartUploadRequest { BucketName = bucket.Name, Key = key }, cancellationToken).ConfigureAwait(false);
        if (string.IsNullOrEmpty(begun.UploadId)) throw S3Errors.InvalidResponse("it does not contain the id of an upload");
        using var upload = new MultipartUploader(bucket, key, begun.UploadId, cancellationToken);
        try
        {
            await addParts(upload).ConfigureAwait(false);
            var parts = await Task.WhenAll(upload._parts).ConfigureAwait(false);
            await upload.CompleteAsync(parts, onlyIfAbsent, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // A part failed while the next one was prepared: its failure is the one to report.
            await upload.AbortAsync().ConfigureAwait(false);
            await Task.WhenAll(upload._parts).ConfigureAwait(false);
            throw;
        }
        catch
        {
            await upload.AbortAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A token that is cancelled when the upload is cancelled or one of its parts fails.</summary>
    public CancellationToken CancellationToken => _failed.Token;

    /// <summary>Sends a value in memory as the next parts.</summary>
    public async Task AddAsync(ReadOnlyMemory<byte> content, int partSize)
    {
        for (var start = 0; start < content.Length; start += partSize)
        {
            var part = content.Slice(start, Math.Min(partSize, content.Length - start));
            await StartAsync(number => _bucket.PutPartAsync(_key, _id, number, part, _failed.Token)).ConfigureAwait(false);
        }
    }

    /// <summary>Sends the next part from a buffer, which is filled first.</summary>
    /// <param name="size">The size of the part [bytes].</param>
    /// <param name="fill">Fills the buffer.</param>
    public async Task AddAsync(int size, Func<Memory<byte>, ValueTask> fill)
    {
        var buffer = await PartBuffers.Uploads.RentAsync(size, _failed.Token).ConfigureAwait(false);
        try
        {
            await fill(buffer.Memory).ConfigureAwait(false);
            await StartAsync(async number =>
            {
                using (buffer) return await _bucket.PutPartAsync(_key, _id, number, buffer.Memory, _failed.Token).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Lets the server copy a range of another object as the next parts.</summary>
    public async Task CopyAsync(string sourceBucket, string sourceKey, string etag, long start, long length)
    {
        // Parts of equal size, so that none is too small.
        var count = (length + _bucket.MaxCopySize - 1) / _bucket.MaxCopySize;
        for (var i = 0L; i < count; i++)
        {
            var (first, next) = (start + (length * i / count), start + (length * (i + 1) / count));
            await StartAsync(async number => new PartETag(await _bucket.Client.CopyPartAsync(new CopyPartRequest
            {
                SourceBucket = sourceBucket,
                SourceKey = sourceKey,
                DestinationBucket = _bucket.Name,
                DestinationKey = _key,
                UploadId = _id,
                PartNumber = number,
                FirstByte = first,
                LastByte = next - 1,
                ETagToMatch = [etag],
            }, _failed.Token).ConfigureAwait(false))).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _failed.Dispose();
        _slots.Dispose();
    }

    private async Task StartAsync(Func<int, Task<PartETag>> send)
    {
        await _slots.WaitAsync(_failed.Token).ConfigureAwait(false);
        _parts.Add(SendAsync(_parts.Count + 1));

        async Task<PartETag> SendAsync(int number)
        {
            try
            {
                return await send(number).ConfigureAwait(false);
            }
            catch
            {
                await _failed.CancelAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                _slots.Release();
            }
        }
    }

    private async Task CompleteAsync(PartETag[] parts, bool onlyIfAbsent, CancellationToken cancellationToken)
    {
        try
        {
            await _bucket.Client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest
            {
                BucketName = _bucket.Name,
                Key = _key,
                UploadId = _id,
                PartETags = [.. parts],
                IfNoneMatch = onlyIfAbsent ? "*" : null,
            }, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e) && MayHaveSucceeded(e))
        {
            var head = await _bucket.HeadAsync(_key, cancellationToken).ConfigureAwait(false);
            if (!ETags.AreEqual(head?.ETag, ExpectedETag(parts))) throw;
        }
    }

    // This response or that of an earlier attempt may have been lost.
    private static bool MayHaveSucceeded(Exception e)
        => e is not AmazonServiceException { StatusCode: not 0 } answer || answer.ErrorCode == "NoSuchUpload" || (int)answer.StatusCode >= 500;

    // The MD5 of the parts' MD5s, which all servers use.
    private static string? ExpectedETag(PartETag[] parts)
    {
        try
        {
            var digests = parts.SelectMany(part => Convert.FromHexString(part.ETag?.Trim('"') ?? "?")).ToArray();
#pragma warning disable CA5351 // Not for security: this is the format of S3's ETags for objects made from parts.
            return string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexString(MD5.HashData(digests)).ToLowerInvariant()}-{parts.Length}");
#pragma warning restore CA5351
        }
        catch (FormatException)
        {
            return null;
        }
    }

    // Parts in flight must end first: a part that arrives after the abort would remain.
    private async Task AbortAsync()
    {
        await _failed.CancelAsync().ConfigureAwait(false);
        await ((Task)Task.WhenAll(_parts)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var limit = new CancellationTokenSource(AbortLimit);
        try
        {
            await _bucket.Client.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = _bucket.Name, Key = _key, UploadId = _id }, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e) || e is OperationCanceledException or StoreException)
        {
            // The upload stays invisible, and is listed among the temporary items.
        }
    }
}
