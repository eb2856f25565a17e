using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp;

/// <content>Finding, deleting and moving items; directories.</content>
internal sealed partial class SftpBackend
{
    /// <inheritdoc/>
    public ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
        => RunAsync<ItemInfo?>(async (connection, _) =>
        {
            using var stat = await StatAsync(connection, name).ConfigureAwait(false);
            if (!stat.IsOk) return stat.Status == StatusCode.NoSuchFile ? null : throw Refused(stat, "look for", name);
            return stat.Attributes.IsDirectory || stat.Attributes.IsRegular ? stat.Attributes.ToItem(name) : null;
        }, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
        => RunAsync(async (connection, call) =>
        {
            using var removed = await TryRemoveAsync(connection, name).ConfigureAwait(false);
            _unsynced.Remove(name);
            if (removed.IsOk) return true;
            // After a lost attempt, what is gone may well be its doing.
            if (removed.Status == StatusCode.NoSuchFile) return call.Lost > 0;
            return await IsItemAsync(connection, name).ConfigureAwait(false)
                ? throw await ExplainRefusedWriteAsync(connection, removed, "delete", name, size: 0).ConfigureAwait(false)
                : false;
        }, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
        => RunAsync(async (connection, call) =>
        {
            if (name == newName) return await IsItemAsync(connection, name).ConfigureAwait(false);

            var status = await RenameAsync(connection, name, newName, mode).ConfigureAwait(false);
            if (status.Status == StatusCode.NoSuchFile)
            {
                if (!await IsItemAsync(connection, name).ConfigureAwait(false))
                    return call.Lost > 0 && await IsItemAsync(connection, newName).ConfigureAwait(false);
                MakeParents(connection, newName);
                status = await RenameAsync(connection, name, newName, mode).ConfigureAwait(false);
            }
            if (!status.IsOk && !await IsItemAsync(connection, name).ConfigureAwait(false)) return false;
            if (!status.IsOk) throw await ExplainRefusedWriteAsync(connection, status, $"move '{name}' to", newName, size: 0).ConfigureAwait(false);
            _unsynced.Rename(name, newName);
            return true;
        }, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
        => await RunAsync(async (connection, _) =>
        {
            MakeParents(connection, name);
            using var made = await connection.SendAsync(new MakeDirectoryRequest(ToPath(name))).ConfigureAwait(false);
            if (made.IsOk) return true;
            using var stat = await StatAsync(connection, name).ConfigureAwait(false);
            return stat.IsOk && stat.Attributes.IsDirectory
                ? true
                : throw await ExplainRefusedWriteAsync(connection, made, "make the directory", name, size: 0).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
        => RunAsync(async (connection, call) =>
        {
            using var removed = await connection.SendAsync(
                new PathRequest(PacketType.RemoveDirectory, PacketType.Status, ToPath(name))).ConfigureAwait(false);
            if (removed.IsOk) return true;
            return removed.Status == StatusCode.NoSuchFile ? call.Lost > 0 : throw Refused(removed, "remove", name);
        }, cancellationToken);

    private ValueTask<Reply> StatAsync(SftpConnection connection, string name)
        => connection.SendAsync(new PathRequest(PacketType.Stat, PacketType.Attributes, ToPath(name)));

    private ValueTask<Reply> TryRemoveAsync(SftpConnection connection, string name)
        => connection.SendAsync(new PathRequest(PacketType.Remove, PacketType.Status, ToPath(name)));

    private async ValueTask<bool> IsItemAsync(SftpConnection connection, string name)
    {
        using var stat = await StatAsync(connection, name).ConfigureAwait(false);
        return stat.IsOk && !stat.Attributes.IsDirectory;
    }

    /// <summary>Asks for all directories above a name. What is there already is no matter, and what can't be made fails what follows.</summary>
    private void MakeParents(SftpConnection connection, string name)
    {
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
            connection.SendAndForget(new MakeDirectoryRequest(ToPath(name[..slash])));
    }

    /// <summary>Renames an item and finds out what a mere "failure" means.</summary>
    private async ValueTask<Reply> RenameAsync(SftpConnection connection, string name, string newName, StoreMode mode)
    {
        var (path, newPath) = (ToPath(name), ToPath(newName));
        if (mode == StoreMode.CreateNew) return await RenameToNewAsync(connection, path, newPath, newName).ConfigureAwait(false);
        if (connection.Features.Has(Extension.PosixRename))
            return await connection.SendAsync(new PathExtendedRequest(Extension.PosixRename, path, newPath)).ConfigureAwait(false);

        // A server that renames to free names only: the old value has to go first.
        var reply = await connection.SendAsync(new RenameRequest(path, newPath)).ConfigureAwait(false);
        if (reply.IsOk || !await IsItemAsync(connection, newName).ConfigureAwait(false)) return reply;
        await RemoveAsync(connection, PacketType.Remove, newName).ConfigureAwait(false);
        return await connection.SendAsync(new RenameRequest(path, newPath)).ConfigureAwait(false);
    }

    // OpenSSH's plain rename is a link and the removal of the old name in one request. Others may replace what is there, so that
    // the link, which can't, is the safe way; and where there is no link, looking before is the best there is.
    private async ValueTask<Reply> RenameToNewAsync(SftpConnection connection, string path, string newPath, string newName)
    {
        if (!connection.Features.IsOpenSsh && connection.Features.Has(Extension.HardLink))
        {
            var linked = await connection.SendAsync(new PathExtendedRequest(Extension.HardLink, path, newPath)).ConfigureAwait(false);
            if (linked.IsOk) return await connection.SendAsync(new PathRequest(PacketType.Remove, PacketType.Status, path)).ConfigureAwait(false);
            if (linked.Status == StatusCode.NoSuchFile) return linked;
        }
        if (!connection.Features.IsOpenSsh && await IsItemAsync(connection, newName).ConfigureAwait(false)) throw AlreadyExists(newName);
        var reply = await connection.SendAsync(new RenameRequest(path, newPath)).ConfigureAwait(false);
        var isTaken = !reply.IsOk && reply.Status != StatusCode.NoSuchFile && await IsItemAsync(connection, newName).ConfigureAwait(false);
        if (isTaken) throw AlreadyExists(newName);
        // OpenSSH's link fails in a folder without links, as in a mount of rclone.
        return reply.Status == StatusCode.Failure && connection.Features.Has(Extension.PosixRename)
            ? await connection.SendAsync(new PathExtendedRequest(Extension.PosixRename, path, newPath)).ConfigureAwait(false) : reply;
    }
}
