using System.Runtime.CompilerServices;
using BorgStore.Naming;

namespace BorgStore.Backends.Rclone;

/// <content>Listings, and what crashes left.</content>
internal sealed partial class RcloneBackend
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<ItemInfo> ListAsync(
        string directory, ListScope scope, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var items = scope == ListScope.Tree
            ? ListTreeAsync(directory, cancellationToken)
            : ListDirectoryAsync(directory, cancellationToken);
        await foreach (var item in VisitAsync(items, cancellationToken).ConfigureAwait(false))
            if (IsListable(item.Name)) yield return item;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(
        TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var newest = DateTime.UtcNow - olderThan;
        await foreach (var item in VisitAsync(ListTreeAsync("", cancellationToken), cancellationToken).ConfigureAwait(false))
            if (item.Name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal) && item.LastWriteTime is { } written && written <= newest)
                yield return new TemporaryItem(item.Name, item.Size, written);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        ItemName.CheckTemporary(item.Id, Suffixes.Temporary);
        if (!await IsInListedDirectoriesAsync(item.Id, cancellationToken).ConfigureAwait(false)) return false;
        return await RunAsync("remove", item.Id, canRepeat: false,
            (server, _) => DeleteFileAsync(server, item.Id, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    // rclone lists no links and yet goes where they lead: what is behind one is not in the store.
    private async ValueTask<bool> IsInListedDirectoriesAsync(string name, CancellationToken cancellationToken)
    {
        for (int start = 0, end; (end = name.IndexOf('/', start)) >= 0; start = end + 1)
            if (!await IsListedDirectoryAsync(name[..Math.Max(0, start - 1)], name[start..end], cancellationToken).ConfigureAwait(false)) return false;
        return true;
    }

    private async ValueTask<bool> IsListedDirectoryAsync(string parent, string element, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in ListAsync(parent, ListScope.OneLevel, cancellationToken).ConfigureAwait(false))
                if (item.IsDirectory && item.Name == element) return true;
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // What is not there has nothing below it.
        }
        return false;
    }

    // Closing the store waits for a step under way, not for who takes the items.
    private async IAsyncEnumerable<ItemInfo> VisitAsync(
        IAsyncEnumerable<ItemInfo> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var enumerator = items.GetAsyncEnumerator(cancellationToken);
        await using (enumerator.ConfigureAwait(false))
        {
            while (true)
            {
                using (_gate.Enter(cancellationToken))
                    if (!await enumerator.MoveNextAsync().ConfigureAwait(false)) yield break;
                yield return enumerator.Current;
            }
        }
    }

    private static bool IsListable(string path)
    {
        var rest = path.AsSpan();
        for (int slash; (slash = rest.IndexOf('/')) >= 0; rest = rest[(slash + 1)..])
            if (!ItemName.IsListable(rest[..slash])) return false;
        return ItemName.IsListable(rest);
    }

    private async IAsyncEnumerable<ItemInfo> ListDirectoryAsync(string directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var item in await RunAsync("list", directory, canRepeat: true,
            (server, _) => ListAsync(server, directory, cancellationToken), cancellationToken).ConfigureAwait(false))
            yield return item;
    }

    private async IAsyncEnumerable<ItemInfo> ListTreeAsync(string directory, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // One call for all where the remote lists trees itself; otherwise rclone would only do what we do, and keep all in memory.
        var tree = await RunAsync("list", directory, canRepeat: true, async (server, remote) =>
        {
            var lister = new RcloneLister(server, _target);
            if (!remote.ListsTrees) return null;
            var items = await lister.ListTreeAsync(directory, cancellationToken).ConfigureAwait(false);
            if (items.Count == 0) await CheckIsDirectoryAsync(server, directory, cancellationToken).ConfigureAwait(false);
            return items;
        }, cancellationToken).ConfigureAwait(false);
        if (tree is not null)
        {
            foreach (var item in tree) yield return item;
            yield break;
        }
        await foreach (var item in RcloneLister.WalkTreeAsync(directory, name => IsListable(name) && TreeWalk.MayHoldItems(name), List, cancellationToken).ConfigureAwait(false))
            yield return item;

        Task<List<ItemInfo>> List(string name, CancellationToken token)
            => RunAsync("list", name, canRepeat: true, (server, _) => ListAsync(server, name, token), token);
    }

    private async Task<List<ItemInfo>> ListAsync(RcloneServer server, string directory, CancellationToken cancellationToken)
    {
        var items = await new RcloneLister(server, _target).ListDirectoryAsync(directory, cancellationToken).ConfigureAwait(false);
        if (items.Count == 0) await CheckIsDirectoryAsync(server, directory, cancellationToken).ConfigureAwait(false);
        return items;
    }

    // WebDAV lists an item as if it were an empty directory.
    private async Task CheckIsDirectoryAsync(RcloneServer server, string name, CancellationToken cancellationToken)
    {
        if (name.Length > 0 && await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is not null)
            throw new RcloneFailure(StoreError.ObjectNotFound, $"'{name}' is an item and no directory");
    }
}
