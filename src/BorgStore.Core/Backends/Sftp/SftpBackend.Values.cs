using System.Collections.Concurrent;
using BorgStore.Backends.Gathering;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp;

/// <content>Operations on values: storing, durability, loading and defragmenting.</content>
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

    // The number of items that are open at the same time during gathering, and of requested pieces of each.
    private const int ItemsAtOnce = 64;
    private const int PiecesAtOnce = 256;

    // Read together with the opening, before the size is known: enough for small values.
    private const int FirstReadSize = 64 * 1024;

    // Whether to request the size together with the first bytes. Small values don't need it, and values of similar size tend to be loaded in series.
    private volatile bool _expectsLarge;

    /// <inheritdoc/>
    protected override ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => RunAsync<ValueStream?>(async (connection, _) =>
        {
            if (await OpenAsync(connection, name).ConfigureAwait(false) is not { } handle) return null;
            var first = default(Reply);
            var isKept = false;
            try
            {
                // An offset from the end cannot be resolved before the size is known.
                var wanted = range.Offset < 0 ? 0 : (int)Math.Min(range.Length ?? int.MaxValue, Math.Min(FirstReadSize, connection.Features.ReadSize));
                var reading = wanted > 0
                    ? connection.SendAsync(new ReadRequest(handle, range.Offset, wanted))
                    : default;
                var asksSize = wanted == 0 || _expectsLarge || !connection.Features.IsOpenSsh;
                var stat = asksSize ? await HandleStatAsync(connection, handle).ConfigureAwait(false) : default;
                first = await reading.ConfigureAwait(false);
                if (first.Content.Length > wanted) throw new StoreException(StoreError.BackendFailure, "The server sent more of a value than was requested.", name);
                if (!asksSize)
                {
                    // Only the end of the file shortens a read (draft-ietf-secsh-filexfer-02, section 6.4).
                    if (first.IsOk ? first.Content.Length < wanted || range.Length == wanted : first.Status == StatusCode.EndOfFile)
                        return new SftpValueStream(name, range.Offset, first.Content.Length, first, download: null, resume: null);
                    stat = await HandleStatAsync(connection, handle).ConfigureAwait(false);
                }
                if (!stat.IsOk) throw CreateException(stat, name);
                if (stat.Attributes.IsDirectory) return null;
                if (!first.IsOk && first.Status != StatusCode.EndOfFile) throw CreateException(first, name);

                var (start, count) = range.Resolve(stat.Attributes.Size);
                var end = start + count;
                isKept = first.Content.Length < count;
                _expectsLarge = isKept;
                var download = isKept ? new Download(connection, handle, start + first.Content.Length, end) : null;
                return new SftpValueStream(name, start, count, first, download, ResumeAsync);

                ValueTask<Download> ResumeAsync(long position, Fingerprint passed, CancellationToken token)
                    => this.ResumeAsync(name, stat.Attributes, (start, position, end), passed, token);
            }
            catch
            {
                first.Dispose();
                throw;
            }
            finally
            {
                if (!isKept) connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
            }
        }, cancellationToken);

    /// <inheritdoc/>
    protected override ValueTask<ValueStream> GatherCoreAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => GatherStream.OpenAsync(this, blocks, ReadPiecesAsync, GatherStream.LargeWindow, cancellationToken);

    // Opens each item once, and requests all its pieces before the first arrives.
    private async ValueTask ReadPiecesAsync(IReadOnlyList<Piece> pieces, CancellationToken cancellationToken)
        => await Parallel.ForEachAsync(pieces.GroupBy(piece => piece.Name),
            new ParallelOptions { MaxDegreeOfParallelism = ItemsAtOnce, CancellationToken = cancellationToken },
            async (item, token) => await RunAsync(async (connection, _) =>
            {
                var handle = await OpenAsync(connection, item.Key).ConfigureAwait(false) ?? throw item.First().Missing();
                try
                {
                    foreach (var some in item.Chunk(PiecesAtOnce))
                        await Task.WhenAll(some.Select(piece => ReadPieceAsync(connection, handle, piece))).ConfigureAwait(false);
                }
                finally
                {
                    connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
                }
                return true;
            }, token).ConfigureAwait(false)).ConfigureAwait(false);

    private static async Task ReadPieceAsync(SftpConnection connection, byte[] handle, Piece piece)
    {
        var packets = new List<Task>();
        for (var start = 0; start < piece.Target.Length; start += connection.Features.ReadSize)
            packets.Add(ReadPacketAsync(start, Math.Min(connection.Features.ReadSize, piece.Target.Length - start)));
        await Task.WhenAll(packets).ConfigureAwait(false);

        async Task ReadPacketAsync(int start, int length)
        {
            // A server may send less than requested.
            for (var done = 0; done < length;)
            {
                using var reply = await connection.SendAsync(
                    new ReadRequest(handle, piece.Offset + start + done, length - done)).ConfigureAwait(false);
                if (reply.Status == StatusCode.EndOfFile || (reply.IsOk && reply.Content.IsEmpty)) throw piece.Outside(null);
                if (!reply.IsOk) throw await ExplainUnreadAsync(connection, handle, piece, reply).ConfigureAwait(false);
                if (reply.Content.Length > length - done)
                    throw new StoreException(StoreError.BackendFailure, "The server sent more of a value than was requested.", piece.Name);
                reply.Content.CopyTo(piece.Target[(start + done)..]);
                done += reply.Content.Length;
            }
        }
    }

    // Some servers open a directory for reading and refuse only the read.
    private static async ValueTask<StoreException> ExplainUnreadAsync(SftpConnection connection, byte[] handle, Piece piece, Reply refusal)
    {
        using var stat = await HandleStatAsync(connection, handle).ConfigureAwait(false);
        return !stat.IsOk ? CreateException(refusal, piece.Name)
            : stat.Attributes.IsDirectory ? piece.Missing()
            : piece.Offset > stat.Attributes.Size - piece.Target.Length ? piece.Outside(stat.Attributes.Size)
            : CreateException(refusal, piece.Name);
    }

    // The server shows no more of a file than its size, and the second of its last change, which a value that replaced it may share.
    // So what the reader already has is read again.
    private ValueTask<Download> ResumeAsync(
        string name, ItemAttributes before, (long Start, long Position, long End) part, Fingerprint passed, CancellationToken cancellationToken)
        => RunAsync(async (connection, retry) =>
        {
            var handle = await OpenAsync(connection, name).ConfigureAwait(false);
            if (handle is not null)
            {
                using var stat = await HandleStatAsync(connection, handle).ConfigureAwait(false);
                if (!stat.IsOk || stat.Attributes.Size != before.Size || stat.Attributes.LastWriteTime != before.LastWriteTime)
                    connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
                else if (await HasPassedAsync(new(connection, handle, part.Start, part.Position), part.Position - part.Start, passed, retry.CancellationToken).ConfigureAwait(false))
                    return new Download(connection, handle, part.Position, part.End);
            }
            throw new StoreException(StoreError.BackendFailure,
                $"The connection was lost while '{name}' was being read, and the item has changed since. Load it again.", name);
        }, cancellationToken);

    // Closes the file unless its beginning is what was read before.
    private static async Task<bool> HasPassedAsync(Download beginning, long length, Fingerprint passed, CancellationToken cancellationToken)
    {
        var isSame = false;
        try
        {
            var again = default(Fingerprint);
            while (length > 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var reply = await beginning.NextAsync().ConfigureAwait(false);
                if (!reply.IsOk || reply.Content.IsEmpty) break;
                again.Append(reply.Content.Span);
                length -= reply.Content.Length;
            }
            return isSame = again.Matches(passed);
        }
        finally
        {
            if (!isSame) await beginning.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask<byte[]?> OpenAsync(SftpConnection connection, string name)
    {
        using var opened = await connection.SendAsync(new OpenRequest(ToPath(name), OpenModes.Read)).ConfigureAwait(false);
        if (opened.IsOk) return opened.Handle;
        if (opened.Status == StatusCode.NoSuchFile) return null;
        // Some servers refuse to open a directory, or report denied access for a path that runs through a file.
        using var stat = await StatAsync(connection, name).ConfigureAwait(false);
        var isNoItem = stat.IsOk ? stat.Attributes.IsDirectory : stat.Status == StatusCode.NoSuchFile;
        return isNoItem ? null : throw CreateException(opened, name);
    }

    private static ValueTask<Reply> HandleStatAsync(SftpConnection connection, byte[] handle)
        => connection.SendAsync(new HandleRequest(PacketType.HandleStat, PacketType.Attributes, handle));

    private const int SourcesAtOnce = 16;

    // The server handles other requests between two copies of this size.
    private const long CopySize = 64 << 20;
    // The size of a file is what the server says, which may be anything.
    private const int CopiesAtOnce = 256;

    /// <inheritdoc/>
    protected override async ValueTask<string> DefragCoreAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        // A name that depends on the hash is only known at the end; until then the file is in the namespace's directory.
        var writing = new PendingWrite(request.Target ?? request.Directory + "defrag", request.Mode);

        await RunWritingAsync(writing, async (connection, retry) =>
        {
            if (await SettleAsync(connection, retry, writing).ConfigureAwait(false)) return true;
            await CheckBlocksAsync(connection, request.Sources).ConfigureAwait(false);
            await WriteAsync(connection, retry, writing,
                (handle, token) => WriteBlocksAsync(connection, handle, request, writing, token)).ConfigureAwait(false);
            if (request.Target is null)
            {
                var hash = await HashFileAsync(connection, writing.Temporary!, request, retry).ConfigureAwait(false);
                writing.Name = request.NameOf(hash);
            }
            await PublishAsync(connection, writing, writing.Name).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
        return writing.Name;
    }

    /// <summary>Checks that all blocks exist before anything is written.</summary>
    private async Task CheckBlocksAsync(SftpConnection connection, IReadOnlyList<Block> blocks)
    {
        foreach (var some in blocks.GroupBy(block => block.Name).Chunk(256))
        {
            await Task.WhenAll(some.Select(async group =>
            {
                using var stat = await StatAsync(connection, group.Key).ConfigureAwait(false);
                if (stat.Status == StatusCode.NoSuchFile || stat.IsOk && stat.Attributes.IsDirectory)
                    throw new StoreException(StoreError.ObjectNotFound, name: group.Key);
                if (!stat.IsOk) throw CreateException(stat, group.Key);
                foreach (var block in group) block.ThrowIfOutside(stat.Attributes.Size);
            })).ConfigureAwait(false);
        }
    }

    private async Task WriteBlocksAsync(SftpConnection connection, byte[] target, DefragRequest request, PendingWrite writing, CancellationToken cancellationToken)
    {
        var blocks = request.Sources.Where(block => block.Length > 0).ToList();
        if (!connection.Features.Has(Extension.CopyData))
        {
            var stream = await GatherCoreAsync(blocks, cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var reply = await Upload.WriteAsync(connection, target, new(stream, stream.Length), cancellationToken).ConfigureAwait(false);
                if (!reply.IsOk) throw await ExplainFailedWriteAsync(connection, reply, writing.Name, stream.Length).ConfigureAwait(false);
            }
            return;
        }

        long offset = 0;
        foreach (var some in blocks.Chunk(SourcesAtOnce))
        {
            cancellationToken.ThrowIfCancellationRequested();
            await CopyAsync(connection, some, target, offset, writing.Name, cancellationToken).ConfigureAwait(false);
            offset += some.Sum(block => block.Length);
        }
    }

    /// <summary>Copies a few blocks on the server: first all sources are opened, then everything is copied.</summary>
    private async Task CopyAsync(SftpConnection connection, Block[] blocks, byte[] target, long offset, string name, CancellationToken cancellationToken)
    {
        var names = blocks.Select(block => block.Name).Distinct().ToList();
        var opening = names.Select(source => OpenAsync(connection, source).AsTask()).ToList();
        try
        {
            var handles = await Task.WhenAll(opening).ConfigureAwait(false);
            if (Array.FindIndex(handles, handle => handle is null) is >= 0 and var absent)
                throw new StoreException(StoreError.ObjectNotFound, name: names[absent]);
            var copies = new List<Task>();
            foreach (var block in blocks)
            {
                copies.Add(CopyAsync(connection, handles[names.IndexOf(block.Name)]!, block, target, offset, name, cancellationToken));
                offset += block.Length;
            }
            await Task.WhenAll(copies).ConfigureAwait(false);
        }
        finally
        {
            foreach (var opened in opening)
            {
                if (opened is { IsCompletedSuccessfully: true, Result: { } handle }) connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
            }
        }
    }

    /// <summary>Copies a block of an open file on the server.</summary>
    private async Task CopyAsync(
        SftpConnection connection, byte[] source, Block block, byte[] target, long offset, string name, CancellationToken cancellationToken)
    {
        for (long done = 0; done < block.Length && !cancellationToken.IsCancellationRequested;)
        {
            var copies = new List<Task<Reply>>();
            for (; done < block.Length && copies.Count < CopiesAtOnce; done += CopySize)
            {
                copies.Add(connection.SendAsync(new CopyDataRequest(
                    source, block.Offset + done, Math.Min(CopySize, block.Length - done), target, offset + done)).AsTask());
            }
            foreach (var reply in await Task.WhenAll(copies).ConfigureAwait(false))
            {
                if (!reply.IsOk) throw await ExplainFailedWriteAsync(connection, reply, name, offset + block.Length).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<long?> CopyFromCoreAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        if (origin.Storage is not SftpBackend other || !HasLoginOf(other)) return null;
        using var reading = other.Gate.Enter(cancellationToken);
        var writing = new PendingWrite(name, mode);
        long? size = null;
        await RunWritingAsync(writing, async (connection, retry) =>
        {
            if (await SettleAsync(connection, retry, writing).ConfigureAwait(false)) return true;
            size = null;
            if (!connection.Features.Has(Extension.CopyData) || await other.OpenAsync(connection, origin.Name).ConfigureAwait(false) is not { } source) return true;
            try
            {
                using var stat = await HandleStatAsync(connection, source).ConfigureAwait(false);
                // Some servers open directories.
                if (!stat.IsOk || !stat.Attributes.IsRegular) return true;
                var whole = new Block(origin.Name, 0, stat.Attributes.Size);
                await WriteAsync(connection, retry, writing,
                    (target, token) => CopyAsync(connection, source, whole, target, offset: 0, name, token)).ConfigureAwait(false);
                size = whole.Length;
            }
            finally
            {
                connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, source));
            }
            await PublishAsync(connection, writing, name).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
        return size;
    }

    // Another login may see other folders by the same paths.
    private bool HasLoginOf(SftpBackend other)
    {
        return LoginOf(this) == LoginOf(other);

        static (SftpUrl, string?, string?, string?) LoginOf(SftpBackend backend) => (backend._url with { Path = "", Connections = 1, Timeout = default },
            backend._options.Credential?.UserName, backend._options.Credential?.Password, backend._options.HostKeyFingerprint);
    }

    private async Task<string> HashFileAsync(SftpConnection connection, string name, DefragRequest request, RetryState retry)
    {
        try
        {
            if (await connection.Hashing.TryHashAsync(ToPath(name), request.Algorithm!, retry).ConfigureAwait(false) is { } digest) return digest;
            var value = await LoadCoreAsync(name, ByteRange.Whole, retry.CancellationToken).ConfigureAwait(false)
                ?? throw new StoreException(StoreError.BackendFailure, "The item created from the blocks is gone; another client removed it. Try again.", name);
            await using (value.ConfigureAwait(false))
                return await request.Algorithm!.ComputeHexAsync(value, retry.CancellationToken).ConfigureAwait(false);
        }
        catch when (connection.Failure is null)
        {
            using var removed = await TryRemoveAsync(connection, name).ConfigureAwait(false);
            throw;
        }
    }
}
