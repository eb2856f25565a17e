using System.Collections.Concurrent;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;
using BorgStore.Backends.Shared;

namespace BorgStore.Backends.Sftp;

/// <content>Storing values, and keeping them from being lost in a power failure.</content>
internal sealed partial class SftpBackend
{
    private static readonly TimeSpan CleanupTimeout = TimeSpan.FromMilliseconds(500);

    // Temporary files of abandoned writes that could not be removed because there was no connection.
    private readonly ConcurrentDictionary<string, bool> _abandoned = new();

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var writing = new PendingWrite(name, mode);
        await RunWritingAsync(writing, async (connection, retry) =>
        {
            if (await SettleAsync(connection, retry, writing).ConfigureAwait(false)) return true;
            if (retry.FailedAttempts > 0 && !value.CanReadAgain) throw CannotReadAgain(retry, name);
            await WriteAsync(connection, retry, writing, async (handle, token) =>
            {
                using var use = value.IsInMemory ? null : writing.UseSource();
                var reply = await Upload.WriteAsync(connection, handle, value, token).ConfigureAwait(false);
                if (!reply.IsOk) throw await ExplainFailedWriteAsync(connection, reply, name, value.Length).ConfigureAwait(false);
            }, Upload.IsSentAtOnce(connection, value)).ConfigureAwait(false);
            await PublishAsync(connection, writing, name).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a write operation. After cancellation, the caller's stream is released before this returns;
    /// the rest of the cleanup is awaited briefly, and continues in the background on a slow connection.</summary>
    private async Task RunWritingAsync(PendingWrite writing, Func<SftpConnection, RetryState, Task<bool>> write, CancellationToken cancellationToken)
    {
        var working = WriteOrAbandonAsync(writing, write, cancellationToken);
        try
        {
            await working.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!working.IsCompleted)
        {
            await writing.SourceReleased.ConfigureAwait(false);
            await Task.WhenAny(working, Task.Delay(CleanupTimeout, CancellationToken.None)).ConfigureAwait(false);
            _ = AbandonedTask.ObserveAsync(working);
            throw;
        }
    }

    private async Task<bool> WriteOrAbandonAsync(PendingWrite writing, Func<SftpConnection, RetryState, Task<bool>> write, CancellationToken cancellationToken)
    {
        try
        {
            return await RetryAdmittedAsync(write, cancellationToken, writing.Name).ConfigureAwait(false);
        }
        finally
        {
            foreach (var temporary in writing.AllTemporary) _abandoned.TryAdd(temporary, true);
        }
    }

    /// <summary>Removes abandoned files before any other operation: their rename may still be in
    /// flight on a stalled connection, and must not replace what is stored from now on.</summary>
    private async Task ClearAbandonedAsync(SftpConnection connection)
    {
        foreach (var temporary in _abandoned.Keys)
        {
            using var removed = await TryRemoveAsync(connection, temporary).ConfigureAwait(false);
            _abandoned.TryRemove(temporary, out _);
        }
    }

    private async Task ClearRemainingAbandonedAsync()
    {
        try
        {
            if (!_abandoned.IsEmpty) await RetryAsync((_, _) => Task.FromResult(true), CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // Best effort: files left behind are listed later as temporary items.
        }
    }

    /// <summary>Creates a temporary file beside the future item and fills it. A failure leaves none behind.</summary>
    /// <remarks>All requests of a filling that is sent at once are queued when its task is returned.</remarks>
    private async Task WriteAsync(
        SftpConnection connection, RetryState retry, PendingWrite writing, Func<byte[], CancellationToken, Task> fill, bool isSentAtOnce = false)
    {
        var name = writing.BeginTemporary();
        var opened = await OpenNewAsync(connection, name).ConfigureAwait(false);
        if (!opened.IsOk)
        {
            writing.Temporary = null;
            throw await ExplainFailedWriteAsync(connection, opened, writing.Name, size: 0).ConfigureAwait(false);
        }
        var ending = new ReplyQueue();
        try
        {
            var filling = fill(opened.Handle, retry.CancellationToken);
            // Servers handle the requests for a file in their order (draft-ietf-secsh-filexfer-02, section 4.1), so a small value needs
            // no round trip of its own. A larger one is closed after its last answer, as by all clients.
            if (!isSentAtOnce) await filling.ConfigureAwait(false);
            var isSynced = _durability == Durability.Each && connection.Features.Has(Extension.Fsync);
            if (isSynced) ending.Enqueue(connection.SendAsync(new FsyncRequest(opened.Handle)));
            ending.Enqueue(connection.SendAsync(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle)));
            opened = default;
            await filling.ConfigureAwait(false);
            if (isSynced)
            {
                using var synced = await ending.DequeueAsync().ConfigureAwait(false);
                if (!synced.IsOk) throw CreateException(synced, writing.Name, NotOnDisk);
            }
            using var closed = await ending.DequeueAsync().ConfigureAwait(false);
            if (!closed.IsOk) throw CreateException(closed, writing.Name);
            retry.CancellationToken.ThrowIfCancellationRequested();
        }
        catch when (connection.Failure is null)
        {
            if (opened.Handle is { } handle) connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
            await ending.DropAsync().ConfigureAwait(false);
            await DropTemporaryAsync(connection, writing).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Renames the temporary file to the item's name.</summary>
    private async Task PublishAsync(SftpConnection connection, PendingWrite writing, string name)
    {
        writing.IsPublishing = true;
        try
        {
            var renamed = await RenameAsync(connection, writing.Temporary!, name, writing.Mode).ConfigureAwait(false);
            if (renamed.Status == StatusCode.NoSuchFile)
            {
                MakeParents(connection, name);
                renamed = await RenameAsync(connection, writing.Temporary!, name, writing.Mode).ConfigureAwait(false);
            }
            if (!renamed.IsOk)
            {
                using var stat = await StatAsync(connection, name).ConfigureAwait(false);
                throw stat.IsOk && stat.Attributes.IsDirectory ? AlreadyExists(name) : CreateException(renamed, name);
            }
            writing.Temporary = null;
            RecordWritten(connection, name);
        }
        catch when (connection.Failure is null)
        {
            await DropTemporaryAsync(connection, writing).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Cleans up after a lost attempt, so that its rename, if still in flight, finds nothing to rename.</summary>
    /// <returns>Whether that attempt had stored the value.</returns>
    private async Task<bool> SettleAsync(SftpConnection connection, RetryState retry, PendingWrite writing)
    {
        if (writing.Temporary is null) return false;
        if (writing.IsPublishing && !await WithdrawAsync(connection, writing).ConfigureAwait(false))
        {
            (writing.Temporary, writing.Withdrawn) = (null, null);
            RecordWritten(connection, writing.Name);
            return true;
        }
        using var removed = await TryRemoveAsync(connection, writing.Temporary).ConfigureAwait(false);
        writing.Temporary = null;
        if (!writing.WasWithdrawn || writing.Mode != StoreMode.CreateNew
            || !await IsItemAsync(connection, writing.Name).ConfigureAwait(false)) return false;

        // The lost attempt may have linked the value to its name, or another client may have created the item.
        retry.IsFinal = true;
        throw new StoreException(StoreError.ConnectionLost,
            $"The connection was lost while '{writing.Name}' was being renamed. An item with that name exists now, "
            + "but it may be a different one. Compare its value.", writing.Name);
    }

    /// <summary>Withdraws a file that a lost rename may still publish. It is renamed, not deleted: if a deletion's
    /// answer were lost too, a missing file would not show whether it was deleted or published.</summary>
    /// <returns><see langword="false"/> if it is already published.</returns>
    private async Task<bool> WithdrawAsync(SftpConnection connection, PendingWrite writing)
    {
        writing.Withdrawn ??= writing.NewTemporary();
        using var renamed = await connection.SendAsync(
            new RenameRequest(ToPath(writing.Temporary!), ToPath(writing.Withdrawn))).ConfigureAwait(false);
        if (!renamed.IsOk && !await IsItemAsync(connection, writing.Withdrawn).ConfigureAwait(false))
            return renamed.Status == StatusCode.NoSuchFile ? false : throw CreateException(renamed, writing.Name);
        writing.Withdraw();
        return true;
    }

    /// <summary>Creates a file that must not exist yet, and the directories above it if they are missing.</summary>
    private async Task<Reply> OpenNewAsync(SftpConnection connection, string name)
    {
        var request = new OpenRequest(ToPath(name), OpenModes.Write | OpenModes.Create | OpenModes.Exclusive);
        var opened = await connection.SendAsync(request).ConfigureAwait(false);
        if (opened.Status != StatusCode.NoSuchFile) return opened;
        MakeParents(connection, name);
        return await connection.SendAsync(request).ConfigureAwait(false);
    }

    private async Task DropTemporaryAsync(SftpConnection connection, PendingWrite writing)
    {
        if (writing.Temporary is not { } temporary) return;
        writing.Temporary = null;
        using var removed = await TryRemoveAsync(connection, temporary).ConfigureAwait(false);
    }

    // Version 3 has one code for most failures; a full or read-only file system is worth a query.
    private async Task<StoreException> ExplainFailedWriteAsync(SftpConnection connection, Reply refusal, string name, long size)
    {
        if (refusal.Status == StatusCode.NoSuchFile)
        {
            using var root = await StatAsync(connection, "").ConfigureAwait(false);
            if (root.Status == StatusCode.NoSuchFile) return DoesNotExist();
        }
        if (refusal.Status is StatusCode.NoSuchFile or StatusCode.Failure
            && await AncestorItem.FindAsync(name, parent => IsItemAsync(connection, parent)).ConfigureAwait(false) is { } explained)
            return explained;
        if (refusal.Status == StatusCode.NoSuchFile)
        {
            // The store exists, so creating the directories in it failed without a report.
            using var made = await connection.SendAsync(new MakeDirectoryRequest(ToPath(name.Split('/')[0]))).ConfigureAwait(false);
            if (!made.IsOk) refusal = made;
        }
        if (refusal.Status == StatusCode.Failure && connection.Features.Has(Extension.FileSystemStat))
        {
            using var reply = await connection.SendAsync(new PathExtendedRequest(Extension.FileSystemStat, _root)).ConfigureAwait(false);
            var (free, isReadOnly) = reply.IsOk ? ReadFileSystem(reply.Content.Span) : (long.MaxValue, false);
            if (isReadOnly) return new(StoreError.PermissionDenied, "the server's file system is read-only", name);
            if (free < size) return new(StoreError.NoSpace, $"it has {size} bytes, but only {free} bytes are free", name);
        }
        return CreateException(refusal, name);
    }

    internal static (long Free, bool IsReadOnly) ReadFileSystem(ReadOnlySpan<byte> content)
    {
        const long readOnlyFlag = 1;
        var reader = new PacketReader(content);
        _ = reader.ReadInt64(); // block size
        var fragmentSize = reader.ReadInt64();
        _ = reader.ReadInt64(); // total blocks
        _ = reader.ReadInt64(); // free blocks
        var available = reader.ReadInt64(); // blocks available to ordinary users
        for (var i = 0; i < 4; i++) _ = reader.ReadInt64(); // total, free and available inodes, and the file system ID
        var flags = reader.ReadInt64();
        return ((long)UInt128.Min(long.MaxValue, (UInt128)(ulong)fragmentSize * (ulong)available), (flags & readOnlyFlag) != 0);
    }

    private static StoreException CannotReadAgain(RetryState retry, string name)
    {
        retry.IsFinal = true;
        return new(StoreError.ConnectionLost,
            $"The connection was lost while '{name}' was being stored, and its source can be read only once. Nothing was stored; try again.", name);
    }

    private const string NotOnDisk = "the value was not written to the server's disk; ";
    private const int SyncsInFlight = 64;
    private static readonly TimeSpan SyncDelay = TimeSpan.FromSeconds(1);

    private readonly UnsyncedFiles _unsynced = new();
    private readonly SemaphoreSlim _syncing = new(1);
    private int _isSyncScheduled;
    private StoreException? _unreportedFailure;

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellationToken) => new(SyncAsync(reportsFailure: true, cancellationToken));

    // Syncing many files at once costs hardly more than syncing one: the first sync writes the journal for all.
    private void RecordWritten(SftpConnection connection, string name)
    {
        if (_durability != Durability.Batch || !connection.Features.Has(Extension.Fsync)) return;
        _unsynced.Add(name);
        if (Interlocked.Exchange(ref _isSyncScheduled, 1) == 0) _ = SyncLaterAsync();
    }

    private async Task SyncLaterAsync()
    {
        await Task.Delay(SyncDelay).ConfigureAwait(false);
        Volatile.Write(ref _isSyncScheduled, 0);
        try
        {
            using var operation = Gate.Enter(CancellationToken.None);
            await SyncAsync(reportsFailure: false, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // The store is being closed, which syncs too.
        }
    }

    private async ValueTask FlushLastAsync()
    {
        await ClearRemainingAbandonedAsync().ConfigureAwait(false);
        await SyncAsync(reportsFailure: true, CancellationToken.None).ConfigureAwait(false);
        _syncing.Dispose();
    }

    private async Task SyncAsync(bool reportsFailure, CancellationToken cancellationToken)
    {
        // A concurrent caller waits for the running sync, which may cover its values.
        await _syncing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var names = _unsynced.TakeAll();
            try
            {
                await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = SyncsInFlight, CancellationToken = cancellationToken },
                    async (name, token) => await RetryAsync((connection, _) => SyncAsync(connection, name), token).ConfigureAwait(false))
                    .ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _unsynced.PutBack(names);
                if (reportsFailure || e is not StoreException failure) throw;
                // After a write error on the server the next sync may succeed, although the bytes are lost; so the failure is kept.
                if (failure.Error is not (StoreError.ConnectionLost or StoreError.Timeout)) _unreportedFailure = failure;
            }
            if (!reportsFailure || _unreportedFailure is not { } unreported) return;
            _unreportedFailure = null;
            throw new StoreException(unreported.Error, unreported.Message, unreported.Name, unreported);
        }
        finally
        {
            _syncing.Release();
        }
    }

    private async Task<bool> SyncAsync(SftpConnection connection, string name)
    {
        using var opened = await connection.SendAsync(new OpenRequest(ToPath(name), OpenModes.Read)).ConfigureAwait(false);
        // Someone deleted or moved the item, or its permissions do not allow reading.
        if (!opened.IsOk) return false;
        var answer = connection.SendAsync(new FsyncRequest(opened.Handle));
        connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle));
        using var synced = await answer.ConfigureAwait(false);
        return synced.IsOk ? true : throw CreateException(synced, name, NotOnDisk);
    }
}
