using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Backends.Rclone.Listing;
using BorgStore.Backends.Shared;
using BorgStore.Naming;

namespace BorgStore.Backends.Rclone;

/// <summary>A store on any storage that rclone supports.</summary>
/// <remarks>
/// <para>If the storage can show incomplete values, a value is uploaded under a temporary name and then renamed. Replacing an item that way is
/// atomic on a local disk, and with rclone 1.63 or later; older versions delete the old item first, so that for a moment there is none.</para>
/// <para>If the same item is created several times at once in this process, only
/// one call succeeds. Rclone cannot guarantee that between processes.</para>
/// <para>When a value is safe from a power cut depends on the storage; rclone has no call for that.</para>
/// </remarks>
internal sealed partial class RcloneBackend : Backend
{
    // An object store has no directories, so this marks an empty store.
    private const string MarkerName = "store" + Suffixes.Hidden;

    private static readonly NameLocks Locks = new();

    private readonly RcloneTarget _target;
    private readonly RcloneServerManager _service;

    /// <summary>Initializes a backend; nothing is accessed yet.</summary>
    /// <param name="url">Its URL, such as <c>rclone:remote:path</c>.</param>
    public RcloneBackend(string url)
        : this(url, RcloneServerManager.Shared)
    {
    }

    internal RcloneBackend(string url, RcloneServerManager service)
    {
        _target = RcloneTarget.Parse(url);
        _service = service;
        _service.AddStore();
    }

    /// <summary>When to retry; rclone itself has already retried.</summary>
    internal RetrySchedule Retry { get; init; } = new(4, TimeSpan.FromMilliseconds(100));

    /// <summary>Called when a call of rclone is repeated.</summary>
    internal Action<StoreRetry>? Retried { get; init; }

    /// <summary>Stops the rclone of this process, when the library is unloaded. A store that is still open starts it again.</summary>
    public static ValueTask StopSharedProcessAsync() => RcloneServerManager.Shared.StopAsync();

    /// <inheritdoc/>
    protected override Task CreateCoreAsync(CancellationToken cancellationToken)
    {
        return RunAsync("", canRepeat: false, async (server, remote) =>
        {
            var contents = await ListRootAsync(server, cancellationToken).ConfigureAwait(false);
            if (contents?.Exists(item => IsOfStore(item.Name)) == true)
                throw new RcloneFailure(StoreError.StoreAlreadyExists);
            await server.CallAsync("operations/mkdir", On(""), cancellationToken).ConfigureAwait(false);
            return !remote.HasOnlyPrefixes || await UploadAsync(server, MarkerName, default, cancellationToken).ConfigureAwait(false);
        }, cancellationToken);
    }

    /// <inheritdoc/>
    protected override Task DestroyCoreAsync(CancellationToken cancellationToken)
    {
        return RunAsync("", canRepeat: false, async (server, remote) =>
        {
            await CheckExistsAsync(server, remote, cancellationToken).ConfigureAwait(false);
            if (await FindForeignAsync(server, cancellationToken).ConfigureAwait(false) is { } foreign) throw ForeignContent.CreateException($"rclone:{_target.DisplayName}", foreign);
            await PurgeAsync(server, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task OpenCoreAsync(CancellationToken cancellationToken)
    {
        await RunAsync("", canRepeat: true, async (server, remote) =>
        {
            if (remote.ServedName is null)
                throw new RcloneFailure(StoreError.NotSupported, "rclone cannot serve a path that contains ']'");
            await CheckExistsAsync(server, remote, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask DisposeCoreAsync(bool wasOpen)
    {
        _service.RemoveStore();
        return default;
    }

    private async Task CheckExistsAsync(RcloneServer server, RcloneRemote remote, CancellationToken cancellationToken)
    {
        if (await ListRootAsync(server, cancellationToken).ConfigureAwait(false) is not { } contents || (remote.HasOnlyPrefixes && contents.Count == 0))
            throw new RcloneFailure(StoreError.StoreDoesNotExist);
    }

    // Returns null if there is no such directory.
    private async Task<List<ItemInfo>?> ListRootAsync(RcloneServer server, CancellationToken cancellationToken)
    {
        try
        {
            return await new RcloneLister(server, _target).ListDirectoryAsync("", cancellationToken).ConfigureAwait(false);
        }
        catch (RcloneFailure e) when (e.Error == StoreError.ObjectNotFound)
        {
            return null;
        }
    }

    // Folders that the file system keeps for itself are not removed. The root then stays too, and counts as empty.
    private async Task PurgeAsync(RcloneServer server, CancellationToken cancellationToken)
    {
        var contents = await ListRootAsync(server, cancellationToken).ConfigureAwait(false) ?? [];
        if (contents.TrueForAll(item => IsOfStore(item.Name)))
        {
            await server.CallAsync("operations/purge", On(""), cancellationToken).ConfigureAwait(false);
            return;
        }
        foreach (var item in contents.Where(item => IsOfStore(item.Name)))
            await server.CallAsync(item.IsDirectory ? "operations/purge" : "operations/deletefile", On(item.Name), cancellationToken).ConfigureAwait(false);
    }

    private async Task<string?> FindForeignAsync(RcloneServer server, CancellationToken cancellationToken)
    {
        var lister = new RcloneLister(server, _target);
        string? foreign = null;
        var files = RcloneLister.WalkTreeAsync("", name => IsOfStore(name) && !Note(name), lister.ListDirectoryAsync, cancellationToken);
        await foreach (var file in files.ConfigureAwait(false))
            if (foreign is not null || Note(file.Name)) break;
        return foreign;

        bool Note(string name)
        {
            if (ForeignContent.IsForeign(name)) foreign ??= name;
            return foreign == name;
        }
    }

    private JsonObject On(string name) => new() { ["fs"] = _target.Remote, ["remote"] = name };

    /// <summary>Runs an operation that uses rclone, retries it, and throws its failure as that of a store.</summary>
    /// <param name="name">The item; <c>""</c> for the store.</param>
    /// <param name="canRepeat">Whether the operation is idempotent.</param>
    /// <param name="run">The operation; it is called again, perhaps with a new rclone, if that may help.</param>
    /// <param name="cancellationToken">A token to cancel the wait between attempts.</param>
    private async Task<T> RunAsync<T>(
        string name, bool canRepeat, Func<RcloneServer, RcloneRemote, Task<T>> run, CancellationToken cancellationToken)
    {
        for (var failures = 0; ; failures++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var hasBegun = false;
            try
            {
                var server = await _service.GetServerAsync(cancellationToken).ConfigureAwait(false);
                var remote = await server.GetRemoteAsync(_target.Remote, cancellationToken).ConfigureAwait(false);
                hasBegun = true;
                return await run(server, remote).ConfigureAwait(false);
            }
            catch (RcloneFailure failure)
            {
                if (failure.IsTransient && (canRepeat || !hasBegun) && Retry.GetPause(failures) is { } pause)
                {
                    ReportRetry(name, failures + 2, failure.ToException(name, _target));
                    await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
                    continue;
                }
                throw failure.ToException(name, _target);
            }
        }
    }

    private void ReportRetry(string name, int attempt, StoreException failure) => Retried?.Invoke(new(name.Length == 0 ? null : name, attempt, failure.Message));

    /// <inheritdoc/>
    protected override async ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        await ExplainAsync(name, RunAsync(name, canRepeat: true,
            (server, _) => server.CallAsync("operations/mkdir", On(name), cancellationToken), cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await RunAsync(name, canRepeat: false, async (server, remote) =>
        {
            // Rclone would remove an item as well, and does not report a missing directory.
            if (await FindAsync(server, remote, name, cancellationToken).ConfigureAwait(false) is not { IsDirectory: true }) return false;
            try
            {
                await server.CallAsync("operations/rmdir", On(name), cancellationToken).ConfigureAwait(false);
                return true;
            }
            catch (RcloneFailure)
            {
                // Storages report a missing directory in different ways.
                if (await FindAsync(server, remote, name, cancellationToken).ConfigureAwait(false) is { IsDirectory: true }) throw;
                return false;
            }
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
        => new(LookUpAsync(name, cancellationToken));

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await RunAsync(name, canRepeat: false,
            (server, _) => DeleteFileAsync(server, name, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        return await ExplainAsync(newName, RunAsync(name, canRepeat: false, async (server, remote) =>
        {
            // A failure would not show whether the item or the target directory is missing.
            if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is null) return false;
            if (name != newName) await MoveFileAsync(server, remote, name, newName, mode, cancellationToken).ConfigureAwait(false);
            return true;
        }, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<string?> HashCoreAsync(string name, Hashing.HashKind algorithm, CancellationToken cancellationToken)
    {
        var (isKnown, hash) = await RunAsync(name, canRepeat: true, async (server, remote) =>
        {
            if (!remote.Supports(algorithm)) return (false, null);
            var options = new JsonObject { ["showHash"] = true, ["hashTypes"] = new JsonArray(algorithm.Name) };
            return await StatAsync(server, name, options, item => item is { } info ? ReadHash(info, algorithm) : (true, null), cancellationToken).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);
        return isKnown ? hash : await base.HashCoreAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
    }

    // A remote may know the hashes of most but not all values, for example not of those uploaded in parts.
    private static (bool IsKnown, string? Hash) ReadHash(JsonElement item, Hashing.HashKind algorithm)
    {
        if (!item.TryGetProperty("Hashes", out var hashes) || !hashes.TryGetProperty(algorithm.Name, out var found)
            || found.GetString() is not { Length: > 0 } hash) return (false, null);
        return hash.Length == 2 * algorithm.DigestSize && hash.All(char.IsAsciiHexDigit) ? (true, hash.ToLowerInvariant())
            : throw RcloneFailure.InvalidResponse($"it contains something other than a digest of {algorithm.DisplayName}");
    }

    private Task<ItemInfo?> LookUpAsync(string name, CancellationToken cancellationToken)
        => RunAsync(name, canRepeat: true, (server, remote) => FindAsync(server, remote, name, cancellationToken), cancellationToken);

    // Checks whether a directory in the path is an item, which storages report in different ways.
    private async Task<T> ExplainAsync<T>(string name, Task<T> writing, CancellationToken cancellationToken)
    {
        try
        {
            return await writing.ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error is StoreError.BackendFailure or StoreError.ObjectNotFound or StoreError.PermissionDenied)
        {
            if (await AncestorItem.FindAsync(name, IsItemAsync).ConfigureAwait(false) is { } explained) throw explained;
            throw;
        }

        async ValueTask<bool> IsItemAsync(string parent)
            => await LookUpAsync(parent, cancellationToken).ConfigureAwait(false) is { IsDirectory: false };
    }

    private static bool IsAbsent(RcloneFailure failure) => failure.Error == StoreError.ObjectNotFound;

    private async Task<ItemInfo?> FindAsync(RcloneServer server, RcloneRemote remote, string name, CancellationToken cancellationToken)
    {
        if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is { } file) return file;
        // Rclone itself would list the parent, which may have many more items.
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

    // Calls the reader with null if there is no such file.
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
                _ => throw RcloneFailure.InvalidResponse("it contains something other than a file"),
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
        using var nameLock = await Locks.EnterAsync(_target.Remote + newName, cancellationToken).ConfigureAwait(false);
        await CheckIsNewAsync(server, newName, cancellationToken).ConfigureAwait(false);
        // A storage that can refuse to replace an item then decides atomically.
        await MoveFileAsync(server, remote, name, newName, replaces: true, cancellationToken).ConfigureAwait(false);
    }

    private async Task MoveFileAsync(
        RcloneServer server, RcloneRemote remote, string name, string newName, bool replaces, CancellationToken cancellationToken)
    {
        var parameters = FromTo(_target, name, newName);
        // Rclone takes a while to parse settings, so those of most calls are in its environment.
        // If it checks the destination first, it deletes an existing item before the move.
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

    private JsonObject FromTo(RcloneTarget source, string name, string newName) => new()
    {
        ["srcFs"] = source.Remote,
        ["srcRemote"] = name,
        ["dstFs"] = _target.Remote,
        ["dstRemote"] = newName,
    };

    private async Task CheckIsNewAsync(RcloneServer server, string name, CancellationToken cancellationToken)
    {
        if (await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is not null)
            throw new RcloneFailure(StoreError.ObjectAlreadyExists);
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ItemInfo> ListCoreAsync(
        string directory, ListScope scope, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var items = scope == ListScope.Tree
            ? ListTreeAsync(directory, prefix, cancellationToken)
            : ListDirectoryAsync(directory, prefix, cancellationToken);
        await foreach (var item in items.ConfigureAwait(false))
            if (scope == ListScope.RawLevel || IsListable(item.Name)) yield return item;
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<TemporaryItem> ListTemporaryCoreAsync(
        TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var latest = TemporaryItem.FindLatest(olderThan);
        await foreach (var item in ListTreeAsync("", "", cancellationToken).ConfigureAwait(false))
            if (item.Name.EndsWith(Suffixes.Temporary, StringComparison.Ordinal) && item.LastWriteTime is { } written && written <= latest)
                yield return new TemporaryItem(item.Name, item.Size, written);
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteTemporaryCoreAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        ItemName.CheckTemporary(item.Id, Suffixes.Temporary);
        if (!await IsInListedDirectoriesAsync(item.Id, cancellationToken).ConfigureAwait(false)) return false;
        return await RunAsync(item.Id, canRepeat: false,
            (server, _) => DeleteFileAsync(server, item.Id, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    // Rclone does not list links but follows them: an item behind a link is not in the store.
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
            await foreach (var item in ListCoreAsync(parent, ListScope.OneLevel, element, cancellationToken).ConfigureAwait(false))
                if (item.IsDirectory && item.Name == element) return true;
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // A missing directory has nothing below it.
        }
        return false;
    }

    private static bool IsListable(string path)
    {
        var rest = path.AsSpan();
        for (int slash; (slash = rest.IndexOf('/')) >= 0; rest = rest[(slash + 1)..])
            if (!ItemName.IsListable(rest[..slash])) return false;
        return ItemName.IsListable(rest);
    }

    private async IAsyncEnumerable<ItemInfo> ListDirectoryAsync(string directory, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var item in await RunAsync(directory, canRepeat: true,
            (server, _) => ListAsync(server, directory, prefix, cancellationToken), cancellationToken).ConfigureAwait(false))
            yield return item;
    }

    private async IAsyncEnumerable<ItemInfo> ListTreeAsync(string directory, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A single call if the remote itself lists trees; otherwise rclone would do the same walk, but keep everything in memory.
        var tree = await RunAsync(directory, canRepeat: true, async (server, remote) =>
        {
            var lister = new RcloneLister(server, _target);
            if (!remote.ListsTrees) return null;
            var items = await lister.ListTreeAsync(directory, prefix, cancellationToken).ConfigureAwait(false);
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
            => RunAsync(name, canRepeat: true, (server, _) => ListAsync(server, name, name == directory ? prefix : "", token), token);
    }

    private async Task<List<ItemInfo>> ListAsync(RcloneServer server, string directory, string prefix, CancellationToken cancellationToken)
    {
        var items = await new RcloneLister(server, _target).ListDirectoryAsync(directory, cancellationToken).ConfigureAwait(false);
        if (items.Count == 0) await CheckIsDirectoryAsync(server, directory, cancellationToken).ConfigureAwait(false);
        items.RemoveAll(item => !item.Name.StartsWith(prefix, StringComparison.Ordinal));
        return items;
    }

    // WebDAV lists an item like an empty directory.
    private async Task CheckIsDirectoryAsync(RcloneServer server, string name, CancellationToken cancellationToken)
    {
        if (name.Length > 0 && await FindFileAsync(server, name, cancellationToken).ConfigureAwait(false) is not null)
            throw new RcloneFailure(StoreError.ObjectNotFound, $"'{name}' is an item, not a directory");
    }
}
