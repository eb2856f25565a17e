using System.Runtime.CompilerServices;
using Amazon.S3.Model;
using BorgStore.Naming;

namespace BorgStore.Backends.S3;

/// <content>Listings and directories.</content>
public sealed partial class S3Backend
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<ItemInfo> ListAsync(
        string directory, ListScope scope, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var prefix = DirectoryKeyOf(directory);
        var items = scope == ListScope.Tree ? ListTreeAsync(prefix, directory, cancellationToken) : ListLevelAsync(prefix, directory, cancellationToken);
        await foreach (var item in items.ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return item;
        }
    }

    /// <inheritdoc/>
    public async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        await TryAsync($"make the directory '{name}'", name,
            () => Bucket.PutAsync(DirectoryKeyOf(name), default, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await TryAsync($"remove the directory '{name}'", name, async () =>
        {
            var marker = DirectoryKeyOf(name);
            var page = await Bucket.ListAsync(marker, oneLevel: false, continuation: null, max: 2, cancellationToken).ConfigureAwait(false);
            if (page.S3Objects is not { Count: > 0 } objects) return false;
            if (objects.Exists(item => S3Bucket.Decode(item.Key) != marker))
                throw new StoreException(StoreError.InvalidArgument, $"Could not remove the directory '{name}': it is not empty.", name);
            await Bucket.DeleteAsync(marker, etag: null, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    // Without a delimiter a page is a thousand items, wherever they lie. Keys come in the order of their bytes, in which those of a
    // directory are in order.
    private async IAsyncEnumerable<ItemInfo> ListTreeAsync(
        string prefix, string directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var page in PagesOfAsync(prefix, directory, oneLevel: false, cancellationToken).ConfigureAwait(false))
        {
            foreach (var item in page.S3Objects ?? [])
                if (ToItem(item, prefix) is { } info) yield return info;
        }
    }

    private async IAsyncEnumerable<ItemInfo> ListLevelAsync(
        string prefix, string directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var order = new LevelOrder();
        await foreach (var page in PagesOfAsync(prefix, directory, oneLevel: true, cancellationToken).ConfigureAwait(false))
        {
            var last = "";
            foreach (var item in page.S3Objects ?? [])
            {
                var key = S3Bucket.Decode(item.Key)[prefix.Length..];
                if (string.CompareOrdinal(key, last) > 0) last = key;
                if (ToItem(item, prefix) is { } info) order.Add(info);
            }
            foreach (var text in page.CommonPrefixes ?? [])
            {
                var key = S3Bucket.Decode(text)[prefix.Length..];
                if (string.CompareOrdinal(key, last) > 0) last = key;
                if (ItemName.IsListable(key.AsSpan()[..^1])) order.Add(new(key[..^1], 0, IsDirectory: true));
            }
            foreach (var item in order.Take(page.IsTruncated == true ? last : null)) yield return item;
        }
    }

    // The pages of a directory, which is missing where there is not even a marker.
    private async IAsyncEnumerable<ListObjectsV2Response> PagesOfAsync(
        string prefix, string directory, bool oneLevel, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isFirst = true;
        var pages = PagesAsync(prefix, oneLevel, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (pages.ConfigureAwait(false))
        {
            while (await MoveNextAsync().ConfigureAwait(false))
            {
                var page = pages.Current;
                if (isFirst && directory.Length > 0 && page is { S3Objects: not { Count: > 0 }, CommonPrefixes: not { Count: > 0 } })
                    throw new StoreException(StoreError.ObjectNotFound, $"There is no directory '{directory}'.", directory);
                isFirst = false;
                yield return page;
            }
        }

        async Task<bool> MoveNextAsync()
        {
            using var visit = _gate.Enter(cancellationToken);
            return await TryAsync(directory.Length == 0 ? "list the store" : $"list '{directory}'", directory.Length == 0 ? _url.Shown : directory,
                () => pages.MoveNextAsync().AsTask()).ConfigureAwait(false);
        }
    }

    // The next page is on its way while the caller is busy with one.
    private async IAsyncEnumerable<ListObjectsV2Response> PagesAsync(
        string prefix, bool oneLevel, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var bucket = Bucket;
        using var left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var next = (Task<ListObjectsV2Response>?)bucket.ListAsync(prefix, oneLevel, continuation: null, S3Bucket.BatchSize, left.Token);
        try
        {
            while (next is not null)
            {
                var page = await next.ConfigureAwait(false);
                next = page.IsTruncated == true
                    ? bucket.ListAsync(prefix, oneLevel, page.NextContinuationToken, S3Bucket.BatchSize, left.Token)
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

    // Markers, unfinished, hidden and foreign names are none of the store's items.
    private static ItemInfo? ToItem(S3Object item, string prefix)
    {
        var path = S3Bucket.Decode(item.Key)[prefix.Length..];
        for (var start = 0; start <= path.Length;)
        {
            var length = path.AsSpan(start).IndexOf('/');
            if (length < 0) length = path.Length - start;
            if (!ItemName.IsListable(path.AsSpan(start, length))) return null;
            start += length + 1;
        }
        return new(path, item.Size ?? 0, LastWriteTime: item.LastModified);
    }
}
