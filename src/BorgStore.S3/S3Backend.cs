using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Amazon.Runtime;
using Amazon.S3.Model;
using BorgStore.Backends.Http;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.S3.Values;
using BorgStore.Backends.Shared;
using BorgStore.Naming;

namespace BorgStore.Backends.S3;

/// <summary>A store below a path in a bucket of S3, B2 or any other server that supports the S3 protocol.</summary>
/// <remarks>
/// <para>A value is the object with its nested name. Directories are implied by names; a marker, an empty object whose key
/// ends with a slash, makes an empty directory, as in the Python package. Markers are recognised but never required.</para>
/// <para>The server responds only when a value is durable, so there is nothing to flush.</para>
/// </remarks>
public sealed partial class S3Backend : Backend
{
    private readonly S3Url _url;
    private readonly NetworkCredential? _credential;
    private S3Connection? _connection;
    private BucketClient? _bucket;
    private Task<bool>? _conditionalWrites;

    internal S3Backend(S3Url url, NetworkCredential? credential)
        : base(url.DisplayUrl)
        => (_url, _credential) = (url, credential);

    /// <summary>Creates a backend for a URL. Nothing is accessed yet.</summary>
    /// <param name="url">The URL of a store.</param>
    /// <param name="options">The options; their credential may contain access key and secret key.</param>
    public static IBackend Create(string url, BackendOptions options) => new S3Backend(S3Url.Parse(url), options.Credential) { Retried = options.Retried };

    /// <summary>Registers the schemes <c>s3</c> and <c>b2</c>. Only needed by a
    /// program that keeps this assembly elsewhere than beside Core.</summary>
    public static void Register()
    {
        BackendFactory.Register("s3", Create);
        BackendFactory.Register("b2", Create);
    }

    /// <summary>The maximum size of a copy by one request [bytes].</summary>
    internal long MaxCopySize { get; init; } = PartSizes.MaxCopySize;

    /// <summary>The number of attempts for each request; tests reduce it.</summary>
    internal RetrySchedule Retry { get; init; } = S3Connection.DefaultRetry;

    /// <summary>Called when a request is repeated.</summary>
    internal Action<StoreRetry>? Retried { get; init; }

    private string Root => _url.Path + "/";

    private BucketClient Bucket => _bucket ?? throw new StoreException(StoreError.StoreNotOpen, "The store is not open.", _url.DisplayUrl);

    /// <inheritdoc/>
    protected override async Task CreateCoreAsync(CancellationToken cancellationToken)
    {
        if (!await IsEmptyAsync(cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.StoreAlreadyExists);
        await TryAsync(null, () => Bucket.PutAsync(Root, default, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async Task OpenCoreAsync(CancellationToken cancellationToken)
    {
        if (await IsEmptyAsync(cancellationToken).ConfigureAwait(false)) throw DoesNotExist();
    }

    /// <inheritdoc/>
    protected override async Task DestroyCoreAsync(CancellationToken cancellationToken)
    {
        if (await IsEmptyAsync(cancellationToken).ConfigureAwait(false)) throw DoesNotExist();
        if (await TryAsync(null, () => FindForeignAsync(cancellationToken)).ConfigureAwait(false) is { } foreign)
            throw ForeignContent.CreateException(_url.DisplayUrl, foreign);
        var (left, reason) = await TryAsync(null, () => DeleteAllAsync(cancellationToken)).ConfigureAwait(false);
        await foreach (var upload in ListUploadsAsync(cancellationToken).ConfigureAwait(false))
            await AbortAsync(upload.Key, upload.UploadId, cancellationToken).ConfigureAwait(false);
        if (reason is var (error, why))
            throw new StoreException(error, $"{left} items are left, the first because {why} The rest is gone.");
    }

    /// <inheritdoc/>
    protected override ValueTask DisposeCoreAsync(bool wasOpen)
    {
        _connection?.Dispose();
        return default;
    }

    private string KeyOf(string name) => Root + name;

    private string DirectoryKeyOf(string name) => name.Length == 0 ? Root : Root + name + "/";

    // The first request to the server, which also finds out the bucket's region.
    private async Task<bool> IsEmptyAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Finding credentials may query the machine's metadata service, and blocks.
        var connection = await Task.Run(() => S3Connection.Open(_url, _credential, Retry.Retries, Retried is null ? null : ReportRetry), cancellationToken).ConfigureAwait(false);
        Use(connection);
        return await TryAsync(null, async () =>
        {
            try
            {
                return await IsEmptyCoreAsync().ConfigureAwait(false);
            }
            catch (AmazonServiceException e) when (S3Errors.FindRegion(e) is { } region)
            {
                Use(connection.WithRegion(region));
                return await IsEmptyCoreAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (S3Errors.IsFailure(e) && connection.Endpoint is not null)
            {
                if (await HttpFailure.DetectTlsAsync(connection.Endpoint, cancellationToken).ConfigureAwait(false) is not { } why) throw;
                throw new UnreachableException(why, e);
            }
        }).ConfigureAwait(false);

        async Task<bool> IsEmptyCoreAsync()
            => (await Bucket.ListAsync(Root, oneLevel: false, startAfter: null, continuation: null, max: 1, cancellationToken).ConfigureAwait(false)).S3Objects is not { Count: > 0 };
    }

    private void ReportRetry(string? key, int attempt, Exception failure)
    {
        var name = key is not null && key.Length > Root.Length && key.StartsWith(Root, StringComparison.Ordinal) ? key[Root.Length..].TrimEnd('/') : null;
        var reason = S3Errors.IsFailure(failure) ? S3Errors.ToStoreException(failure, name) : new StoreException(StoreError.BackendFailure, failure.Message);
        Retried!(new(name, attempt, reason.Message));
    }

    private void Use(S3Connection connection)
    {
        _connection?.Dispose();
        _connection = connection;
        _bucket = new(connection, _url.Bucket) { MaxCopySize = MaxCopySize, Retry = Retry };
    }

    private async Task<string?> FindForeignAsync(CancellationToken cancellationToken)
    {
        await foreach (var page in PagesAsync(Root, oneLevel: false, startAfter: null, cancellationToken).ConfigureAwait(false))
        {
            foreach (var item in page.S3Objects ?? [])
            {
                // A directory marker is an object whose name ends with a slash.
                var name = BucketClient.Decode(item.Key)[Root.Length..].TrimEnd('/');
                if (name.Length > 0 && ForeignContent.IsForeign(name)) return name;
            }
        }
        return null;
    }

    // Deletes page by page, while the next page is listed.
    private async Task<(int Left, (StoreError, string)? Reason)> DeleteAllAsync(CancellationToken cancellationToken)
    {
        var left = 0;
        (StoreError, string)? reason = null;
        var deleting = Task.CompletedTask;
        await foreach (var page in PagesAsync(Root, oneLevel: false, startAfter: null, cancellationToken).ConfigureAwait(false))
        {
            await deleting.ConfigureAwait(false);
            deleting = DeletePageAsync([.. (page.S3Objects ?? []).Select(item => BucketClient.Decode(item.Key))]);
        }
        await deleting.ConfigureAwait(false);
        return (left, reason);

        async Task DeletePageAsync(List<string> keys)
        {
            if (keys.Count == 0) return;
            foreach (var error in await Bucket.DeleteAsync(keys, cancellationToken).ConfigureAwait(false))
            {
                left++;
                reason ??= S3Errors.Explain(error.Code, error.Message);
            }
        }
    }

    private static StoreException DoesNotExist() => new(StoreError.StoreDoesNotExist);

    private static async Task<T> TryAsync<T>(string? name, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e))
        {
            throw S3Errors.ToStoreException(e, name);
        }
    }

    private static async Task TryAsync(string? name, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e))
        {
            throw S3Errors.ToStoreException(e, name);
        }
    }

    /// <inheritdoc/>
    protected override IAsyncEnumerable<ItemInfo> ListCoreAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => scope == ListScope.Tree ? ListTreeAsync(directory, prefix, cancellationToken)
            : ListLevelAsync(directory, prefix, isRaw: scope == ListScope.RawLevel, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        await TryAsync(name,
            () => Bucket.PutAsync(DirectoryKeyOf(name), default, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await TryAsync(name, async () =>
        {
            var marker = DirectoryKeyOf(name);
            var page = await Bucket.ListAsync(marker, oneLevel: false, startAfter: null, continuation: null, max: 2, cancellationToken).ConfigureAwait(false);
            if (page.S3Objects is not { Count: > 0 } objects) return false;
            if (objects.Exists(item => BucketClient.Decode(item.Key) != marker))
                throw new StoreException(StoreError.InvalidArgument, $"Could not remove the directory '{name}': it is not empty.", name);
            await Bucket.DeleteAsync(marker, etag: null, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    // Without a delimiter each page has a thousand items from anywhere in the tree.
    // Keys are sorted by their bytes, so those of each directory are in order.
    private async IAsyncEnumerable<ItemInfo> ListTreeAsync(
        string directory, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = DirectoryKeyOf(directory);
        await foreach (var page in PagesOfAsync(directory, prefix, oneLevel: false, after: "", cancellationToken).ConfigureAwait(false))
        {
            foreach (var item in page.S3Objects ?? [])
                if (ToItem(item, start) is { } info) yield return info;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Each request lists a thousand keys, however many directories they are in.</remarks>
    protected override async IAsyncEnumerable<ItemInfo> ListRawTreeCoreAsync(
        string directory, string after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = DirectoryKeyOf(directory);
        var last = "";
        await foreach (var page in PagesOfAsync(directory, prefix: "", oneLevel: false, after, cancellationToken).ConfigureAwait(false))
        {
            foreach (var item in page.S3Objects ?? [])
            {
                var path = BucketClient.Decode(item.Key)[start.Length..];
                // In another order, a listing that continues after a name could miss others. Names of items are ASCII; those of others need not even be valid.
                if (CompareBytes(path, last) < 0 && Ascii.IsValid(path) && Ascii.IsValid(last)) throw S3Errors.InvalidResponse($"it lists '{PrintableText.Escape(last)}' before '{PrintableText.Escape(path)}'");
                last = path;
                // Some servers ignore where a listing should start.
                if (path.Length == 0 || (after.Length > 0 && CompareBytes(path, after) <= 0)) continue;
                yield return path[^1] == '/' ? new(path, 0, IsDirectory: true)
                    : new(path, item.Size ?? 0, LastWriteTime: item.LastModified, DeletedTime: DeletedTimeOf(path, item.LastModified));
            }
        }
    }

    // Compares in the order of a server: by the bytes of UTF-8.
    private static int CompareBytes(string a, string b)
    {
        var common = a.AsSpan().CommonPrefixLength(b);
        return Rank(a, common) - Rank(b, common);

        // Surrogates are for characters above all others.
        static int Rank(string text, int position) => position == text.Length ? -1 : char.IsSurrogate(text[position]) ? text[position] + 0x10000 : text[position];
    }

    // Returns a key to start after, which servers repeat in their response. They may do that even with what XML cannot represent,
    // so the listing then starts earlier.
    private static string? StartAfter(string directory, string path)
    {
        var bad = path.AsSpan().IndexOfAnyExceptInRange(' ', '\uFFFD');
        var start = bad < 0 ? path : path[..bad];
        return start.Length == 0 ? null : directory + start;
    }

    private async IAsyncEnumerable<ItemInfo> ListLevelAsync(
        string directory, string prefix, bool isRaw, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = DirectoryKeyOf(directory);
        var order = new LevelSorter();
        await foreach (var page in PagesOfAsync(directory, prefix, oneLevel: true, after: "", cancellationToken).ConfigureAwait(false))
        {
            var last = "";
            foreach (var item in page.S3Objects ?? [])
            {
                var key = BucketClient.Decode(item.Key)[start.Length..];
                if (string.CompareOrdinal(key, last) > 0) last = key;
                if (key.Contains('/')) throw S3Errors.InvalidResponse("it lists more than the requested level");
                if (ToItem(item, start, isRaw) is { } info) order.Add(info);
            }
            foreach (var text in page.CommonPrefixes ?? [])
            {
                var key = BucketClient.Decode(text)[start.Length..];
                if (string.CompareOrdinal(key, last) > 0) last = key;
                if (isRaw || ItemName.IsListable(key.AsSpan()[..^1])) order.Add(new(key[..^1], 0, IsDirectory: true));
            }
            foreach (var item in order.Take(page.IsTruncated == true ? last : null)) yield return item;
        }
    }

    // Lists the pages of a directory; throws if there is not even a marker. With a prefix the marker is not listed.
    private async IAsyncEnumerable<ListObjectsV2Response> PagesOfAsync(
        string directory, string prefix, bool oneLevel, string after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Only a listing from the beginning shows whether the directory exists: there may be nothing after a name.
        var isFirst = after.Length == 0;
        var pages = PagesAsync(DirectoryKeyOf(directory) + prefix, oneLevel, StartAfter(DirectoryKeyOf(directory), after), cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (pages.ConfigureAwait(false))
        {
            while (await MoveNextAsync().ConfigureAwait(false))
            {
                var page = pages.Current;
                if (isFirst && directory.Length > 0 && prefix.Length == 0 && page is { S3Objects: not { Count: > 0 }, CommonPrefixes: not { Count: > 0 } })
                    throw new StoreException(StoreError.ObjectNotFound, name: directory);
                isFirst = false;
                yield return page;
            }
        }

        Task<bool> MoveNextAsync()
            => TryAsync(directory, () => pages.MoveNextAsync().AsTask());
    }

    // The next page is requested while the caller processes the current one.
    private async IAsyncEnumerable<ListObjectsV2Response> PagesAsync(
        string prefix, bool oneLevel, string? startAfter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var bucket = Bucket;
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var next = (Task<ListObjectsV2Response>?)bucket.ListAsync(prefix, oneLevel, startAfter, continuation: null, BucketClient.BatchSize, left.Token);
        try
        {
            while (next is not null)
            {
                var page = await next.ConfigureAwait(false);
                next = page.IsTruncated == true
                    ? bucket.ListAsync(prefix, oneLevel, startAfter: null, page.NextContinuationToken, BucketClient.BatchSize, left.Token)
                    : null;
                yield return page;
            }
        }
        finally
        {
            if (next is not null)
            {
                await left.CancelAsync().ConfigureAwait(false);
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // Markers, and temporary, hidden and foreign names are not items of the store.
    private static ItemInfo? ToItem(S3Object item, string prefix, bool isRaw = false)
    {
        var path = BucketClient.Decode(item.Key)[prefix.Length..];
        for (var start = 0; start <= path.Length;)
        {
            var length = path.AsSpan(start).IndexOf('/');
            if (length < 0) length = path.Length - start;
            if (path.Length == 0 || (!isRaw && !ItemName.IsListable(path.AsSpan(start, length)))) return null;
            start += length + 1;
        }
        return new(path, item.Size ?? 0, LastWriteTime: item.LastModified, DeletedTime: DeletedTimeOf(path, item.LastModified));
    }

    // S3 has no renaming: a soft deletion copies the object, and the copy has the time of the copying.
    private static DateTime? DeletedTimeOf(string name, DateTime? lastModified) => Suffixes.IsDeleted(name) ? lastModified : null;

    // The upload ID cannot contain this character, but an item's name may.
    private const char IdSeparator = '?';

    /// <inheritdoc/>
    protected override IAsyncEnumerable<TemporaryItem> ListTemporaryCoreAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => FindOldUploadsAsync(TemporaryItem.FindLatest(olderThan), cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteTemporaryCoreAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        var separator = item.Id.LastIndexOf(IdSeparator);
        if (separator <= 0) throw new StoreException(StoreError.InvalidArgument, $"'{item.Id}' is not an unfinished upload.", item.Id);
        return await TryAsync(item.Id,
            () => AbortAsync(KeyOf(item.Id[..separator]), item.Id[(separator + 1)..], cancellationToken)).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<TemporaryItem> FindOldUploadsAsync(DateTime latest, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var upload in ListUploadsAsync(cancellationToken).ConfigureAwait(false))
        {
            var begun = (upload.Initiated ?? DateTime.UtcNow).ToUniversalTime();
            // An upload that was started long ago may still be active: the time of its last part counts.
            if (begun > latest || await MeasureAsync(upload, cancellationToken).ConfigureAwait(false) is not var (size, lastPart)) continue;
            var written = lastPart > begun ? lastPart : begun;
            if (written <= latest) yield return new($"{upload.Key[Root.Length..]}{IdSeparator}{upload.UploadId}", size, written);
        }
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
            page = await TryAsync(_url.DisplayUrl,
                () => Bucket.Client.ListMultipartUploadsAsync(request, cancellationToken)).ConfigureAwait(false);
            foreach (var upload in page.MultipartUploads ?? [])
                yield return upload.Key?.StartsWith(Root, StringComparison.Ordinal) == true && !string.IsNullOrEmpty(upload.UploadId) ? upload
                    : throw S3Errors.InvalidResponse("it lists an upload that was not requested");
            if (page.IsTruncated == true && (request.KeyMarker, request.UploadIdMarker) == (page.NextKeyMarker, page.NextUploadIdMarker))
                throw S3Errors.InvalidResponse("its listing of uploads does not advance");
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
        while (page.IsTruncated == true);
    }

    // Returns the size of the parts and the time of the last one, or null if the upload has ended meanwhile.
    private async Task<(long Size, DateTime LastPart)?> MeasureAsync(MultipartUpload upload, CancellationToken cancellationToken)
    {
        var (size, last, marker) = (0L, DateTime.MinValue, 0);
        var request = new ListPartsRequest { BucketName = Bucket.Name, Key = upload.Key, UploadId = upload.UploadId };
        ListPartsResponse page;
        do
        {
            try
            {
                page = await TryAsync(_url.DisplayUrl,
                    () => Bucket.Client.ListPartsAsync(request, cancellationToken)).ConfigureAwait(false);
            }
            catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
            {
                return null;
            }
            foreach (var part in page.Parts ?? [])
            {
                size += part.Size is >= 0 and var length && length <= long.MaxValue - size ? length : throw S3Errors.InvalidResponse("it lists a part without a size");
                if (part.LastModified?.ToUniversalTime() is { } written && written > last) last = written;
            }
            if (page.IsTruncated == true && !(page.NextPartNumberMarker > marker)) throw S3Errors.InvalidResponse("its listing of parts does not advance");
            marker = page.NextPartNumberMarker ?? 0;
            request.PartNumberMarker = page.NextPartNumberMarker?.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        while (page.IsTruncated == true);
        return (size, last);
    }
}
