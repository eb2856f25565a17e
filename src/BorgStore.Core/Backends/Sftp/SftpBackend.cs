using System.Runtime.CompilerServices;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Listing;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Backends.Sftp;

/// <summary>A store on an SFTP server.</summary>
/// <remarks>
/// Each connection has many requests in flight, and nothing is requested that another answer already contains.
/// If a connection is lost, its operations are repeated over a new one, after finding out how far they had got.
/// </remarks>
internal sealed partial class SftpBackend : Backend
{
    private readonly SftpUrl _url;
    private readonly string _displayUrl;
    private readonly string _root;
    private readonly BackendOptions _options;
    private readonly Durability _durability;
    private readonly Action<StoreRetry>? _retried;
    private readonly ConnectionPool _pool;

    /// <summary>Initializes a backend; nothing is connected yet.</summary>
    /// <param name="url">The URL of the store.</param>
    /// <param name="options">The options.</param>
    public SftpBackend(SftpUrl url, BackendOptions options)
        : this(url, options, SftpConnector.Create(url, options))
    {
    }

    internal SftpBackend(SftpUrl url, BackendOptions options, Func<CancellationToken, ValueTask<ISftpTransport>> connect)
        : base($"sftp://{url.Server}/{url.Path}")
    {
        _url = url;
        _displayUrl = $"sftp://{url.Server}/{url.Path}";
        _root = url.Path;
        _options = options;
        _durability = options.Durability;
        _retried = options.Retried;
        _pool = new(async cancellationToken => await SftpConnection.OpenAsync(
            await connect(cancellationToken).ConfigureAwait(false), url.Timeout, cancellationToken).ConfigureAwait(false), url.Connections);
    }

    /// <inheritdoc/>
    protected override async ValueTask DisposeCoreAsync(bool wasOpen)
    {
        try
        {
            await FlushLastAsync().ConfigureAwait(false);
        }
        finally
        {
            await _pool.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Runs an operation, and repeats it if its connection is lost. If the caller
    /// cancels, the operation still cleans up, and disposal waits for that.</summary>
    private ValueTask<T> RunAsync<T>(Func<SftpConnection, RetryState, Task<T>> operation, CancellationToken cancellationToken)
    {
        var task = RetryAdmittedAsync(operation, cancellationToken);
        return new(cancellationToken.CanBeCanceled && !task.IsCompleted ? WaitOrAbandonAsync(task, cancellationToken) : task);
    }

    private static async Task<T> WaitOrAbandonAsync<T>(Task<T> task, CancellationToken cancellationToken)
    {
        try
        {
            return await task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _ = AbandonedTask.ObserveAsync(task);
            throw;
        }
    }

    // Not every request is made within an operation of the caller: streams and listings read ahead and resume by themselves, and a cancelled
    // operation cleans up after its caller has left. So each passes the gate once more, and closing waits for it.
    private async Task<T> RetryAdmittedAsync<T>(Func<SftpConnection, RetryState, Task<T>> operation, CancellationToken cancellationToken, string? name = null)
    {
        using var admission = Gate.Enter(cancellationToken);
        return await RetryAsync(operation, cancellationToken, name).ConfigureAwait(false);
    }

    private async Task<T> RetryAsync<T>(Func<SftpConnection, RetryState, Task<T>> operation, CancellationToken cancellationToken, string? name = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var retry = new RetryState(_url.Timeout, cancellationToken);
        while (true)
        {
            SftpConnection? connection = null;
            StoreException failure;
            try
            {
                connection = await _pool.GetAsync(cancellationToken).ConfigureAwait(false);
                if (!_abandoned.IsEmpty) await ClearAbandonedAsync(connection).ConfigureAwait(false);
                return await operation(connection, retry).ConfigureAwait(false);
            }
            catch (StoreException e) when (retry.ShouldRetry(e, connection is null ? _pool.HasConnected : connection.Failure is not null))
            {
                // The next attempt uses a new connection.
                failure = e;
            }
            catch (ProtocolException e)
            {
                // The packets are intact, so other operations can still use the connection.
                throw SftpConnection.Broken(e).ToException();
            }
            _retried?.Invoke(new(name, retry.FailedAttempts + 2, failure.Message));
            await retry.DelayAsync().ConfigureAwait(false);
        }
    }

    private string ToPath(string name) => name.Length == 0 ? _root : $"{_root}/{name}";

    /// <summary>Returns the exception for a request that the server refused.</summary>
    private static StoreException CreateException(in Reply reply, string name, string problem = "")
    {
        var error = reply.Status switch
        {
            StatusCode.NoSuchFile when name.Length > 0 => StoreError.ObjectNotFound,
            StatusCode.PermissionDenied or StatusCode.WriteProtected => StoreError.PermissionDenied,
            StatusCode.NoSpace => StoreError.NoSpace,
            StatusCode.QuotaExceeded => StoreError.QuotaExceeded,
            StatusCode.Unsupported => StoreError.NotSupported,
            _ => StoreError.BackendFailure,
        };
        // The server's message may contain its paths, which must not be disclosed.
        var said = reply.Message is { Length: > 0 } message && !message.Contains('/')
            ? $"{problem}the server says: {message.Trim()}"
            : $"{problem}the server says: {Describe(reply.Status)}";
        if (name.Length == 0 && reply.Status is StatusCode.NoSuchFile or StatusCode.PermissionDenied)
            said += ". On a server with a restricted root (chroot), paths start at that root";
        return new(error, said, name.Length == 0 ? null : name);
    }

    // For servers that send no message, or one with a path in it.
    private static string Describe(StatusCode status) => status switch
    {
        StatusCode.NoSuchFile => "no such file or folder",
        StatusCode.PermissionDenied => "permission denied",
        StatusCode.Failure => "failure, without a reason",
        StatusCode.BadMessage => "bad message",
        StatusCode.Unsupported => "operation unsupported",
        StatusCode.WriteProtected => "write-protected",
        StatusCode.NoSpace => "no space left",
        StatusCode.QuotaExceeded => "quota exceeded",
        _ => $"status {(uint)status}, which is not a known status",
    };

    private static StoreException AlreadyExists(string name)
        => new(StoreError.ObjectAlreadyExists, name: name);

    // The limit of Linux. Destroying follows no links, so only bogus answers of a server lead deeper.
    private const int MaxPathLength = 4096;

    /// <inheritdoc/>
    protected override async Task CreateCoreAsync(CancellationToken cancellationToken)
        => await RetryAsync(async (connection, retry) =>
        {
            var entries = await ListDirectoryAsync(connection, "", "", Links.AreEntries, retry.CancellationToken).ConfigureAwait(false);
            // The root made by an earlier attempt is empty too.
            if (entries?.Exists(entry => IsOfStore(entry.Name)) == true) throw Occupied();
            if (entries is not null) return true;

            using var reply = await MakeRootAsync(connection).ConfigureAwait(false);
            if (reply.IsOk) return true;
            using var stat = await connection.SendAsync(new PathRequest(PacketType.Stat, PacketType.Attributes, _root)).ConfigureAwait(false);
            throw stat.IsOk && !stat.Attributes.IsDirectory ? Occupied() : CreateException(reply, "");
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override async Task OpenCoreAsync(CancellationToken cancellationToken)
        => await RetryAsync(async (connection, _) =>
        {
            using var stat = await connection.SendAsync(new PathRequest(PacketType.Stat, PacketType.Attributes, _root)).ConfigureAwait(false);
            if (stat.Status == StatusCode.NoSuchFile || stat.IsOk && !stat.Attributes.IsDirectory) throw DoesNotExist();
            if (!stat.IsOk) throw CreateException(stat, "");
            return true;
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override async Task DestroyCoreAsync(CancellationToken cancellationToken)
        => await RetryAsync(async (connection, retry) =>
        {
            if (await FindForeignAsync(connection, "", depth: 0, retry.CancellationToken).ConfigureAwait(false) is { } foreign)
                throw ForeignContent.CreateException(_displayUrl, foreign);
            if (!await EmptyAsync(connection, "", depth: 0, retry.CancellationToken).ConfigureAwait(false) && retry.FailedAttempts == 0) throw DoesNotExist();
            // A root that cannot be removed stays as an empty folder, which counts as removed.
            using var removed = await connection.SendAsync(
                new PathRequest(PacketType.RemoveDirectory, PacketType.Status, _root)).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);

    /// <summary>Removes everything in a directory, in batches, so that many requests are in flight. Links themselves are removed.</summary>
    /// <remarks>SFTP has no requests relative to an open directory. A user with write access to the store can
    /// replace a directory with a link between a check and a removal; each directory is checked just before
    /// its listing and before each batch of removals, which limits that interval to one round trip.</remarks>
    /// <returns><see langword="false"/> if there is no such directory, or it has become a link.</returns>
    private async Task<bool> EmptyAsync(SftpConnection connection, string directory, int depth, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var entries = await ListDirectoryAsync(connection, directory, "", Links.AreEntries, cancellationToken).ConfigureAwait(false);
        if (entries is null) return false;
        if (depth == 0) entries.RemoveAll(entry => !IsOfStore(entry.Name));

        // The number of directories listed at once limits the number of open handles. Deep down
        // they are listed one at a time, so that an endless tree does not need endless memory.
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
        var entries = await ListDirectoryAsync(connection, directory, "", Links.AreEntries, cancellationToken).ConfigureAwait(false) ?? [];
        if (depth == 0) entries.RemoveAll(entry => !IsOfStore(entry.Name));
        if (entries.FirstOrDefault(entry => ForeignContent.IsForeign(entry.Name)).Name is { } foreign) return Join(directory, foreign);
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
        if (directory.Length > MaxPathLength) throw new StoreException(StoreError.BackendFailure, "The directories are nested too deeply.", directory);
    }

    private async Task RemoveAsync(SftpConnection connection, PacketType type, string name)
    {
        using var reply = await connection.SendAsync(new PathRequest(type, PacketType.Status, ToPath(name))).ConfigureAwait(false);
        if (!reply.IsOk && reply.Status != StatusCode.NoSuchFile) throw CreateException(reply, name);
    }

    // The folders above usually exist. If one cannot be created, creating the last one fails too,
    // but only reports a missing folder; so the first denied permission is returned instead.
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

    private static StoreException Occupied() => new(StoreError.StoreAlreadyExists);

    private static StoreException DoesNotExist() => new(StoreError.StoreDoesNotExist);

    /// <inheritdoc/>
    protected override ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
        => RunAsync<ItemInfo?>(async (connection, _) =>
        {
            using var stat = await StatAsync(connection, name).ConfigureAwait(false);
            if (!stat.IsOk) return stat.Status == StatusCode.NoSuchFile ? null : throw CreateException(stat, name);
            return stat.Attributes.IsDirectory || stat.Attributes.IsRegular ? stat.Attributes.ToItem(name) : null;
        }, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken)
        => RunAsync(async (connection, retry) =>
        {
            using var removed = await TryRemoveAsync(connection, name).ConfigureAwait(false);
            _unsynced.Remove(name);
            if (removed.IsOk) return true;
            // After a lost attempt, a missing item was most likely deleted by it.
            if (removed.Status == StatusCode.NoSuchFile) return retry.FailedAttempts > 0;
            return await IsItemAsync(connection, name).ConfigureAwait(false)
                ? throw await ExplainFailedWriteAsync(connection, removed, name, size: 0).ConfigureAwait(false)
                : false;
        }, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
        => RunAsync(async (connection, retry) =>
        {
            if (name == newName) return await IsItemAsync(connection, name).ConfigureAwait(false);

            var status = await RenameAsync(connection, name, newName, mode).ConfigureAwait(false);
            if (status.Status == StatusCode.NoSuchFile)
            {
                if (!await IsItemAsync(connection, name).ConfigureAwait(false))
                    return retry.FailedAttempts > 0 && await IsItemAsync(connection, newName).ConfigureAwait(false);
                MakeParents(connection, newName);
                status = await RenameAsync(connection, name, newName, mode).ConfigureAwait(false);
            }
            if (!status.IsOk && !await IsItemAsync(connection, name).ConfigureAwait(false)) return false;
            if (!status.IsOk) throw await ExplainFailedWriteAsync(connection, status, newName, size: 0).ConfigureAwait(false);
            _unsynced.Rename(name, newName);
            return true;
        }, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken)
        => await RunAsync(async (connection, _) =>
        {
            MakeParents(connection, name);
            using var made = await connection.SendAsync(new MakeDirectoryRequest(ToPath(name))).ConfigureAwait(false);
            if (made.IsOk) return true;
            using var stat = await StatAsync(connection, name).ConfigureAwait(false);
            return stat.IsOk && stat.Attributes.IsDirectory
                ? true
                : throw await ExplainFailedWriteAsync(connection, made, name, size: 0).ConfigureAwait(false);
        }, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    protected override ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken)
        => RunAsync(async (connection, retry) =>
        {
            using var removed = await connection.SendAsync(
                new PathRequest(PacketType.RemoveDirectory, PacketType.Status, ToPath(name))).ConfigureAwait(false);
            if (removed.IsOk) return true;
            return removed.Status == StatusCode.NoSuchFile ? retry.FailedAttempts > 0 : throw CreateException(removed, name);
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

    /// <summary>Requests the creation of all directories above a name. Failures are ignored:
    /// existing ones are fine, and for a missing one the next request fails.</summary>
    private void MakeParents(SftpConnection connection, string name)
    {
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
            connection.SendAndForget(new MakeDirectoryRequest(ToPath(name[..slash])));
    }

    /// <summary>Renames an item, and finds out the meaning of an unspecific failure.</summary>
    private async ValueTask<Reply> RenameAsync(SftpConnection connection, string name, string newName, StoreMode mode)
    {
        var (path, newPath) = (ToPath(name), ToPath(newName));
        if (mode == StoreMode.CreateNew) return await RenameToNewAsync(connection, path, newPath, newName).ConfigureAwait(false);
        if (connection.Features.Has(Extension.PosixRename))
            return await connection.SendAsync(new PathExtendedRequest(Extension.PosixRename, path, newPath)).ConfigureAwait(false);

        // The server only renames to unused names, so the old value must be removed first.
        var reply = await connection.SendAsync(new RenameRequest(path, newPath)).ConfigureAwait(false);
        if (reply.IsOk || !await IsItemAsync(connection, newName).ConfigureAwait(false)) return reply;
        await RemoveAsync(connection, PacketType.Remove, newName).ConfigureAwait(false);
        return await connection.SendAsync(new RenameRequest(path, newPath)).ConfigureAwait(false);
    }

    // OpenSSH's plain rename is a link and a removal in one request. Other servers may replace an existing item, so
    // a link, which cannot do that, is the safe way; without links, checking first is the best that is possible.
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
        // OpenSSH's link fails in a folder that does not support links, such as an rclone mount.
        return reply.Status == StatusCode.Failure && connection.Features.Has(Extension.PosixRename)
            ? await connection.SendAsync(new PathExtendedRequest(Extension.PosixRename, path, newPath)).ConfigureAwait(false) : reply;
    }

    /// <inheritdoc/>
    protected override async ValueTask<string?> HashCoreAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var digest = await RunAsync((connection, retry) => connection.Hashing.TryHashAsync(ToPath(name), algorithm, retry), cancellationToken)
            .ConfigureAwait(false);
        return digest ?? await base.HashCoreAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
    }

    private const int DirectoriesAtOnce = 256;

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<ItemInfo> ListCoreAsync(
        string directory, ListScope scope, string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (scope == ListScope.Tree)
        {
            await foreach (var (path, attributes) in WalkAsync(directory, prefix, Links.AreFollowed, cancellationToken).ConfigureAwait(false))
            {
                if (attributes.IsRegular && ItemName.IsListable(path.AsSpan(path.LastIndexOf('/') + 1))) yield return attributes.ToItem(path);
            }
            yield break;
        }

        var entries = await ReadDirectoryAsync(directory, prefix, Links.AreFollowed, cancellationToken).ConfigureAwait(false)
            ?? throw new StoreException(StoreError.ObjectNotFound, name: directory);
        foreach (var (name, attributes) in entries)
            if ((attributes.IsRegular || attributes.IsDirectory) && (scope == ListScope.RawLevel || ItemName.IsListable(name))) yield return attributes.ToItem(name);
    }

    /// <inheritdoc/>
    protected override async IAsyncEnumerable<TemporaryItem> ListTemporaryCoreAsync(
        TimeSpan olderThan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var latest = TemporaryItem.FindLatest(olderThan);
        await foreach (var (path, attributes) in WalkAsync("", "", Links.AreEntries, cancellationToken).ConfigureAwait(false))
        {
            if (!attributes.IsRegular || !path.EndsWith(Suffixes.Temporary, StringComparison.Ordinal)) continue;
            if (attributes.LastWriteTime is { } written && written <= latest) yield return new(path, attributes.Size, written);
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteTemporaryCoreAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        ItemName.CheckTemporary(item.Id, Suffixes.Temporary);
        return !await RunAsync((connection, _) => IsBehindLinkAsync(connection, item.Id), cancellationToken).ConfigureAwait(false)
            && await DeleteCoreAsync(item.Id, cancellationToken).ConfigureAwait(false);
    }

    private IAsyncEnumerable<Entry> WalkAsync(string directory, string prefix, Links links, CancellationToken cancellationToken)
        => new TreeReader((name, token) => ReadDirectoryAsync(name, name == directory ? prefix : "", links, token).AsTask(), DirectoriesAtOnce)
            .WalkAsync(directory, cancellationToken);

    private ValueTask<List<Entry>?> ReadDirectoryAsync(string name, string prefix, Links links, CancellationToken cancellationToken)
        => RunAsync((connection, retry) => ListDirectoryAsync(connection, name, prefix, links, retry.CancellationToken), cancellationToken);

    private async Task<List<Entry>?> ListDirectoryAsync(
        SftpConnection connection, string name, string prefix, Links links, CancellationToken cancellationToken)
    {
        // Each directory needs a handle, and servers limit their number.
        await connection.Handles.TakeAsync(1, cancellationToken).ConfigureAwait(false);
        try
        {
            var (entries, refusal) = await DirectoryReader.ReadAsync(
                connection, ToPath(name), prefix, links, isRoot: name.Length == 0, cancellationToken).ConfigureAwait(false);
            if (refusal.IsOk) return entries;
            return refusal.Status == StatusCode.NoSuchFile ? null : throw CreateException(refusal, name);
        }
        finally
        {
            connection.Handles.Return(1);
        }
    }

    // A user may deliberately put items behind links, but an item that was not stored under its name must not be behind one.
    private async Task<bool> IsBehindLinkAsync(SftpConnection connection, string name)
    {
        var looking = new List<Task<bool>>();
        for (var slash = name.IndexOf('/'); slash > 0; slash = name.IndexOf('/', slash + 1))
            looking.Add(LinkCheck.IsLinkAsync(connection, ToPath(name[..slash])));
        return (await Task.WhenAll(looking).ConfigureAwait(false)).Contains(true);
    }
}
