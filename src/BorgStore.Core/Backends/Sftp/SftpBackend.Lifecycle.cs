using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Listing;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp;

/// <content>Making, opening and removing a store.</content>
internal sealed partial class SftpBackend
{
    // That of Linux. Destroying follows no link, so that only a server's bad answers lead further down.
    private const int LongestPath = 4096;

    /// <inheritdoc/>
    public async Task CreateAsync(CancellationToken cancellationToken)
        => await RunUnopenedAsync(async (connection, call) =>
        {
            var entries = await ListDirectoryAsync(connection, "", Links.AreEntries, call.CancellationToken).ConfigureAwait(false);
            // What an earlier attempt made is empty as well.
            if (entries is { Count: > 0 }) throw Occupied();
            if (entries is not null) return true;

            using var reply = await MakeRootAsync(connection).ConfigureAwait(false);
            if (reply.IsOk) return true;
            using var stat = await connection.SendAsync(new PathRequest(PacketType.Stat, PacketType.Attributes, _root)).ConfigureAwait(false);
            throw stat.IsOk && !stat.Attributes.IsDirectory ? Occupied() : Refused(reply, "make", "");
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
        => await RunUnopenedAsync(async (connection, _) =>
        {
            using var stat = await connection.SendAsync(new PathRequest(PacketType.Stat, PacketType.Attributes, _root)).ConfigureAwait(false);
            if (stat.Status == StatusCode.NoSuchFile || stat.IsOk && !stat.Attributes.IsDirectory) throw DoesNotExist();
            if (!stat.IsOk) throw Refused(stat, "open", "");
            return _isOpen = true;
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken)
        => await RunUnopenedAsync(async (connection, call) =>
        {
            if (await FindForeignAsync(connection, "", depth: 0, call.CancellationToken).ConfigureAwait(false) is { } foreign)
                throw ForeignContent.Refuse(_shownUrl, foreign);
            if (!await EmptyAsync(connection, "", depth: 0, call.CancellationToken).ConfigureAwait(false) && call.Lost == 0) throw DoesNotExist();
            // Where the folder itself may not be removed, an empty one is left, which is as good as none.
            using var removed = await connection.SendAsync(
                new PathRequest(PacketType.RemoveDirectory, PacketType.Status, _root)).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken) => ValueTask.FromResult(default(QuotaInfo));

    /// <summary>Removes all that is in a directory, breadth first in each, so that many requests are in flight. Links are removed
    /// themselves.</summary>
    /// <remarks>SFTP has no request relative to an open directory. Somebody who may write to the store can put a link in the place of a
    /// directory in the moment between a look at it and a removal in it; each directory is looked at just before its listing and
    /// before each batch of removals, which keeps that moment at a round trip.</remarks>
    /// <returns><see langword="false"/> when there is no such directory, or a link by now.</returns>
    private async Task<bool> EmptyAsync(SftpConnection connection, string directory, int depth, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = await ListDirectoryAsync(connection, directory, Links.AreEntries, cancellationToken).ConfigureAwait(false);
        if (entries is null) return false;

        // The handles that are open at once are bounded by the number of directories that are listed at once. Deep down these go one
        // by one, so that a tree without end needs no memory without end.
        foreach (var some in entries.Where(e => e.Attributes.IsDirectory).Chunk(depth < 3 ? 8 : 1))
        {
            await Task.WhenAll(some.Select(async entry =>
            {
                var name = Join(directory, entry.Name);
                CheckDepth(name);
                var isDirectory = await EmptyAsync(connection, name, depth + 1, cancellationToken).ConfigureAwait(false);
                await RemoveAsync(connection, isDirectory ? PacketType.RemoveDirectory : PacketType.Remove, name).ConfigureAwait(false);
            })).ConfigureAwait(false);
        }
        foreach (var some in entries.Where(e => !e.Attributes.IsDirectory).Chunk(256))
        {
            if (await IsBehindLinkAsync(connection, $"{directory}/").ConfigureAwait(false)) return false;
            await Task.WhenAll(some.Select(e => RemoveAsync(connection, PacketType.Remove, Join(directory, e.Name)))).ConfigureAwait(false);
        }
        return true;
    }

    private async Task<string?> FindForeignAsync(SftpConnection connection, string directory, int depth, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = await ListDirectoryAsync(connection, directory, Links.AreEntries, cancellationToken).ConfigureAwait(false) ?? [];
        if (entries.FirstOrDefault(entry => ForeignContent.IsIn(entry.Name)).Name is { } foreign) return Join(directory, foreign);
        foreach (var some in entries.Where(e => e.Attributes.IsDirectory).Select(e => Join(directory, e.Name)).Chunk(depth < 3 ? 8 : 1))
        {
            CheckDepth(some[0]);
            var below = await Task.WhenAll(some.Select(name => FindForeignAsync(connection, name, depth + 1, cancellationToken))).ConfigureAwait(false);
            if (below.FirstOrDefault(name => name is not null) is { } found) return found;
        }
        return null;
    }

    private static void CheckDepth(string directory)
    {
        if (directory.Length > LongestPath) throw new StoreException(StoreError.BackendFailure, "The directories are nested without end.", directory);
    }

    private async Task RunUnopenedAsync(Func<SftpConnection, Call, Task<bool>> operation, CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(_shownUrl);
        await RepeatUngatedAsync(operation, cancellationToken).ConfigureAwait(false);
    }

    private async Task RemoveAsync(SftpConnection connection, PacketType type, string name)
    {
        using var reply = await connection.SendAsync(new PathRequest(type, PacketType.Status, ToPath(name))).ConfigureAwait(false);
        if (!reply.IsOk && reply.Status != StatusCode.NoSuchFile) throw Refused(reply, "remove", name);
    }

    // The folders above are there already, or fail the last one as well, which then has nothing to say but that they are missing.
    private async Task<Reply> MakeRootAsync(SftpConnection connection)
    {
        var above = default(Reply);
        for (var slash = _root.IndexOf('/', 1); slash > 0; slash = _root.IndexOf('/', slash + 1))
        {
            var made = await connection.SendAsync(new MakeDirectoryRequest(_root[..slash])).ConfigureAwait(false);
            if (above.IsOk && made.Status is StatusCode.PermissionDenied or StatusCode.WriteProtected) above = made;
        }
        var reply = await connection.SendAsync(new MakeDirectoryRequest(_root)).ConfigureAwait(false);
        return reply.Status == StatusCode.NoSuchFile && !above.IsOk ? above : reply;
    }

    private static string Join(string directory, string name) => directory.Length == 0 ? name : $"{directory}/{name}";

    private StoreException Occupied() => new(StoreError.StoreAlreadyExists,
        $"There is something at '{_shownUrl}' already. A store is made in a folder that is empty or not there yet.", _shownUrl);

    private StoreException DoesNotExist() => new(StoreError.StoreDoesNotExist,
        $"There is no store at '{_shownUrl}'. Check the URL, or make one.", _shownUrl);
}
