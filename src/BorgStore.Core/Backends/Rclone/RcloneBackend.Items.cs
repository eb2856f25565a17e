using System.Text.Json;
using System.Text.Json.Nodes;

namespace BorgStore.Backends.Rclone;

/// <content>Items one at a time.</content>
internal sealed partial class RcloneBackend
{
    /// <inheritdoc/>
    public async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        await ExplainAsync("make the directory", name, RunAsync("make the directory", name, canRepeat: true,
            (server, _) => server.CallAsync("operations/mkdir", On(name), cancellationToken), cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await RunAsync("remove the directory", name, canRepeat: false, async (server, remote) =>
        {
            // Rclone removes an item as readily as a directory, and what is not there as readily as both.
            if (await FindAsync(server, remote, name, cancellationToken).ConfigureAwait(false) is not { IsDirectory: true }) return false;
            try
            {
                await server.CallAsync("operations/rmdir", On(name), cancellationToken).ConfigureAwait(false);
                return true;
            }
            catch (RcloneFailure)
            {
                // Each storage says in its own words that there is none.
                if (await FindAsync(server, remote, name, cancellationToken).ConfigureAwait(false) is { IsDirectory: true }) throw;
                return false;
            }
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await LookUpAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await RunAsync("delete", name, canRepeat: false,
            (server, _) => DeleteFileAsync(server, name, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await ExplainAsync($"move '{name}' to", newName, RunAsync("move", name, canRepeat: false, async (server, remote) =>
        {
            // Of a failure nobody could tell whether the item or the directory of the new name is missing.
            if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is null) return false;
            if (name != newName) await MoveFileAsync(server, remote, name, newName, mode, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<string?> HashAsync(string name, Hashing.HashKind algorithm, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        var (isKnown, hash) = await RunAsync("hash", name, canRepeat: true, async (server, remote) =>
        {
            if (!remote.Knows(algorithm)) return (false, null);
            var options = new JsonObject { ["showHash"] = true, ["hashTypes"] = new JsonArray(algorithm.Name) };
            return await StatAsync(server, name, options, item => item is { } info ? ReadHash(info, algorithm) : (true, null), cancellationToken).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        if (isKnown) return hash;

        var stream = await LoadValueAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
        if (stream is null) return null;
        await using (stream.ConfigureAwait(false)) return await algorithm.ComputeHexAsync(stream, cancellationToken).ConfigureAwait(false);
    }

    // A remote may know it of most values and yet not of all, such as those that were uploaded in parts.
    private static (bool IsKnown, string? Hash) ReadHash(JsonElement item, Hashing.HashKind algorithm)
    {
        if (!item.TryGetProperty("Hashes", out var hashes) || !hashes.TryGetProperty(algorithm.Name, out var found)
            || found.GetString() is not { Length: > 0 } hash) return (false, null);
        return hash.Length == 2 * algorithm.DigestSize && hash.All(char.IsAsciiHexDigit) ? (true, hash.ToLowerInvariant())
            : throw RcloneFailure.WrongAnswer($"it says something else than a digest of {algorithm.DisplayName}");
    }

    private Task<ItemInfo?> LookUpAsync(string name, CancellationToken cancellationToken)
        => RunAsync("look up", name, canRepeat: true, (server, remote) => FindAsync(server, remote, name, cancellationToken), cancellationToken);

    // Whether it is that one of the directories is an item; each storage has words of its own for it.
    private async Task<T> ExplainAsync<T>(string task, string name, Task<T> writing, CancellationToken cancellationToken)
    {
        try
        {
            return await writing.ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error is StoreError.BackendFailure or StoreError.ObjectNotFound or StoreError.PermissionDenied)
        {
            if (await ItemAbove.FindAsync($"{task} '{name}'", name, IsItemAsync).ConfigureAwait(false) is { } explained) throw explained;
            throw;
        }

        async ValueTask<bool> IsItemAsync(string parent)
            => await LookUpAsync(parent, cancellationToken).ConfigureAwait(false) is { IsDirectory: false };
    }

    private static bool IsAbsent(RcloneFailure failure) => failure.Error == StoreError.ObjectNotFound;

    private async Task<ItemInfo?> FindAsync(RcloneServer server, RcloneRemote remote, string name, CancellationToken cancellationToken)
    {
        if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is { } file) return file;
        // Rclone itself would look for it in the parent, where there may be many more.
        try
        {
            var contents = await new RcloneLister(server, _target).ListDirectoryAsync(name, cancellationToken).ConfigureAwait(false);
            return contents.Count > 0 || !remote.HasOnlyPrefixes ? new ItemInfo(name, 0, IsDirectory: true) : null;
        }
        catch (RcloneFailure e) when (IsAbsent(e))
        {
            return null;
        }
    }

    private async Task<ItemInfo?> FindFileAsync(RcloneServer server, string name, CancellationToken cancellationToken)
    {
        return await StatAsync(server, name, [], item => item is { } info ? Read(info) : null, cancellationToken).ConfigureAwait(false);

        ItemInfo? Read(JsonElement item)
        {
            DateTime? lastWriteTime = item.TryGetProperty("ModTime", out var time) && time.TryGetDateTimeOffset(out var written) ? written.UtcDateTime : null;
            return new ItemInfo(name, Math.Max(0, item.GetProperty("Size").GetInt64()), LastWriteTime: lastWriteTime);
        }
    }

    // Reads null where there is no such file.
    private async Task<T> StatAsync<T>(RcloneServer server, string name, JsonObject options, Func<JsonElement?, T> read, CancellationToken cancellationToken)
    {
        options["filesOnly"] = true;
        options["noMimeType"] = true;
        var parameters = On(name);
        parameters["opt"] = options;
        try
        {
            return await server.CallAsync("operations/stat", parameters, answer => read(answer.GetProperty("item") switch
            {
                { ValueKind: JsonValueKind.Object } item => item,
                { ValueKind: JsonValueKind.Null } => null,
                _ => throw RcloneFailure.WrongAnswer("it says something else than a file"),
            }), cancellationToken).ConfigureAwait(false);
        }
        catch (RcloneFailure e) when (IsAbsent(e))
        {
            return read(null);
        }
    }

    private async Task<bool> DeleteFileAsync(RcloneServer server, string name, CancellationToken cancellationToken)
    {
        try
        {
            await server.CallAsync("operations/deletefile", On(name), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (RcloneFailure e) when (IsAbsent(e))
        {
            return false;
        }
    }

    private async Task MoveFileAsync(
        RcloneServer server, RcloneRemote remote, string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        if (mode == StoreMode.Overwrite)
        {
            await MoveFileAsync(server, remote, name, newName, replaces: remote.ReplacesByMove, cancellationToken).ConfigureAwait(false);
            return;
        }
        using var turn = await Locks.EnterAsync(_target.Remote + newName, cancellationToken).ConfigureAwait(false);
        await CheckIsNewAsync(server, newName, cancellationToken).ConfigureAwait(false);
        // A storage that refuses to replace decides it alone.
        await MoveFileAsync(server, remote, name, newName, replaces: true, cancellationToken).ConfigureAwait(false);
    }

    private async Task MoveFileAsync(
        RcloneServer server, RcloneRemote remote, string name, string newName, bool replaces, CancellationToken cancellationToken)
    {
        var parameters = new JsonObject
        {
            ["srcFs"] = _target.Remote,
            ["srcRemote"] = name,
            ["dstFs"] = _target.Remote,
            ["dstRemote"] = newName,
        };
        // Rclone takes a while to read settings, so that those of most calls stand in its environment. Where it looks for the new name
        // first, it deletes what it finds there before it moves.
        if (!replaces) parameters["_config"] = new JsonObject { ["NoCheckDest"] = false };
        try
        {
            await server.CallAsync("operations/movefile", parameters, cancellationToken).ConfigureAwait(false);
        }
        catch (RcloneFailure failure) when (failure.Error is StoreError.BackendFailure or StoreError.ObjectNotFound or StoreError.PermissionDenied)
        {
            var there = await FindAsync(server, remote, newName, cancellationToken).ConfigureAwait(false);
            if (there is { IsDirectory: true })
                throw new RcloneFailure(StoreError.ObjectAlreadyExists, $"'{newName}' is a directory", failure);
            throw;
        }
    }

    private async Task CheckIsNewAsync(RcloneServer server, string name, CancellationToken cancellationToken)
    {
        if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is not null)
            throw new RcloneFailure(StoreError.ObjectAlreadyExists, $"there is an item '{name}' already");
    }
}
