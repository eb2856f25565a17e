using System.Runtime.CompilerServices;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Listing;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Naming;

namespace BorgStore.Backends.Sftp;

/// <content>Listing.</content>
internal sealed partial class SftpBackend
{
    private const int DirectoriesAtOnce = 256;

    /// <inheritdoc/>
    public async IAsyncEnumerable<ItemInfo> ListAsync(
        string directory, ListScope scope, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (scope == ListScope.Tree)
        {
            await foreach (var (path, attributes) in WalkAsync(directory, Links.AreFollowed, cancellationToken).ConfigureAwait(false))
            {
                if (attributes.IsRegular && ItemName.IsListable(path.AsSpan(path.LastIndexOf('/') + 1))) yield return attributes.ToItem(path);
            }
            yield break;
        }

        var entries = await ReadDirectoryAsync(directory, Links.AreFollowed, cancellationToken).ConfigureAwait(false)
            ?? throw new StoreException(StoreError.ObjectNotFound, $"There is no directory '{directory}'.", directory);
        foreach (var (name, attributes) in entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if ((attributes.IsRegular || attributes.IsDirectory) && ItemName.IsListable(name)) yield return attributes.ToItem(name);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(
        TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var latest = DateTime.UtcNow - olderThan;
        await foreach (var (path, attributes) in WalkAsync("", Links.AreEntries, cancellationToken).ConfigureAwait(false))
        {
            if (!attributes.IsRegular || !path.EndsWith(Suffixes.Temporary, StringComparison.Ordinal)) continue;
            if (attributes.LastWriteTime is { } written && written <= latest) yield return new(path, attributes.Size, written);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        ItemName.CheckTemporary(item.Id, Suffixes.Temporary);
        return !await RunAsync((connection, _) => IsBehindLinkAsync(connection, item.Id), cancellationToken).ConfigureAwait(false)
            && await DeleteAsync(item.Id, cancellationToken).ConfigureAwait(false);
    }

    private IAsyncEnumerable<Entry> WalkAsync(string directory, Links links, CancellationToken cancellationToken)
        => new TreeReader((name, token) => ReadDirectoryAsync(name, links, token).AsTask(), DirectoriesAtOnce)
            .WalkAsync(directory, cancellationToken);

    private ValueTask<List<Entry>?> ReadDirectoryAsync(string name, Links links, CancellationToken cancellationToken)
        => RunAsync((connection, call) => ListDirectoryAsync(connection, name, links, call.CancellationToken), cancellationToken);

    private async Task<List<Entry>?> ListDirectoryAsync(
        SftpConnection connection, string name, Links links, CancellationToken cancellationToken)
    {
        // Each directory needs a handle, and a server has only so many.
        await connection.Handles.TakeAsync(1, cancellationToken).ConfigureAwait(false);
        try
        {
            var (entries, refusal) = await DirectoryReader.ReadAsync(
                connection, ToPath(name), links, isRoot: name.Length == 0, cancellationToken).ConfigureAwait(false);
            if (refusal.IsOk) return entries;
            return refusal.Status == StatusCode.NoSuchFile ? null : throw Refused(refusal, "list", name);
        }
        finally
        {
            connection.Handles.Return(1);
        }
    }

    // The items of a store may lie behind links, which somebody made on purpose. What nobody stored under its name may not.
    private async Task<bool> IsBehindLinkAsync(SftpConnection connection, string name)
    {
        var looking = new List<Task<bool>>();
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
            looking.Add(LinkCheck.IsLinkAsync(connection, ToPath(name[..slash])));
        return (await Task.WhenAll(looking).ConfigureAwait(false)).Contains(true);
    }
}
