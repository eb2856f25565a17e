using System.Collections.Concurrent;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;

namespace BorgStore.Backends.Sftp;

/// <content>Storing values.</content>
internal sealed partial class SftpBackend
{
    private static readonly TimeSpan LongestTidying = TimeSpan.FromMilliseconds(500);

    // Temporary files of values that were given up when no connection was to be had.
    private readonly ConcurrentDictionary<string, bool> _abandoned = new();

    /// <inheritdoc/>
    public async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var writing = new Writing(name, mode);
        await RunWritingAsync(writing, async (connection, call) =>
        {
            if (await SettleAsync(connection, call, writing).ConfigureAwait(false)) return true;
            if (call.Lost > 0 && !value.CanReadAgain) throw CannotReadAgain(call, name);
            await WriteAsync(connection, call, writing, async (handle, token) =>
            {
                using var use = value.IsInMemory ? null : writing.UseSource();
                var reply = await Upload.WriteAsync(connection, handle, value, token).ConfigureAwait(false);
                if (!reply.IsOk) throw await ExplainRefusedWriteAsync(connection, reply, "store", name, value.Length).ConfigureAwait(false);
            }).ConfigureAwait(false);
            await PublishAsync(connection, writing, name).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs what writes. Who cancels it gets his stream back before this returns, and waits a moment for the rest to be
    /// cleared away; on a slow line that goes on behind him.</summary>
    private async Task RunWritingAsync(Writing writing, Func<SftpConnection, Call, Task<bool>> write, CancellationToken cancellationToken)
    {
        var working = WriteOrAbandonAsync(writing, write, cancellationToken);
        try
        {
            await working.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!working.IsCompleted)
        {
            await writing.SourceReleased.ConfigureAwait(false);
            await Task.WhenAny(working, Task.Delay(LongestTidying, CancellationToken.None)).ConfigureAwait(false);
            _ = Abandoned.DropAsync(working);
            throw;
        }
    }

    private async Task<bool> WriteOrAbandonAsync(Writing writing, Func<SftpConnection, Call, Task<bool>> write, CancellationToken cancellationToken)
    {
        try
        {
            return await RepeatAsync(write, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var temporary in writing.AllTemporary) _abandoned.TryAdd(temporary, true);
        }
    }

    /// <summary>Removes what was abandoned before anything else is done: its rename may still be on its way over a line that
    /// only got stuck, and must not replace what is stored from now on.</summary>
    private async Task ClearAbandonedAsync(SftpConnection connection)
    {
        foreach (var temporary in _abandoned.Keys)
        {
            using var removed = await TryRemoveAsync(connection, temporary).ConfigureAwait(false);
            _abandoned.TryRemove(temporary, out _);
        }
    }

    private async Task ClearAbandonedAtLastAsync()
    {
        try
        {
            if (!_abandoned.IsEmpty) await RepeatUngatedAsync((_, _) => Task.FromResult(true), CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // Nobody waits for these any more; a later clearing of unfinished items finds them.
        }
    }

    /// <summary>Makes a temporary file beside its later name and fills it. What fails leaves none behind.</summary>
    private async Task WriteAsync(SftpConnection connection, Call call, Writing writing, Func<byte[], CancellationToken, Task> fill)
    {
        var name = writing.BeginTemporary();
        var opened = await OpenNewAsync(connection, name).ConfigureAwait(false);
        if (!opened.IsOk)
        {
            writing.Temporary = null;
            throw await ExplainRefusedWriteAsync(connection, opened, "store", writing.Name, size: 0).ConfigureAwait(false);
        }
        try
        {
            await fill(opened.Handle, call.CancellationToken).ConfigureAwait(false);
            if (_durability == Durability.Each && connection.Features.Has(Extension.Fsync))
            {
                using var synced = await connection.SendAsync(new FsyncRequest(opened.Handle)).ConfigureAwait(false);
                if (!synced.IsOk) throw Refused(synced, "bring to the server's disk", writing.Name);
            }
            call.CancellationToken.ThrowIfCancellationRequested();
            using var closed = await connection.SendAsync(
                new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle)).ConfigureAwait(false);
            opened = default;
            if (!closed.IsOk) throw Refused(closed, "store", writing.Name);
        }
        catch when (connection.Failure is null)
        {
            if (opened.Handle is { } handle) connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
            await DropTemporaryAsync(connection, writing).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Gives the temporary file its name.</summary>
    private async Task PublishAsync(SftpConnection connection, Writing writing, string name)
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
                throw stat.IsOk && stat.Attributes.IsDirectory ? AlreadyExists(name) : Refused(renamed, "store", name);
            }
            writing.Temporary = null;
            NoteWritten(connection, name);
        }
        catch when (connection.Failure is null)
        {
            await DropTemporaryAsync(connection, writing).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Clears away what a lost attempt left, so that a rename of its that is still on its way finds nothing to rename.</summary>
    /// <returns>Whether that attempt had stored the value.</returns>
    private async Task<bool> SettleAsync(SftpConnection connection, Call call, Writing writing)
    {
        if (writing.Temporary is null) return false;
        if (writing.IsPublishing && !await WithdrawAsync(connection, writing).ConfigureAwait(false))
        {
            (writing.Temporary, writing.Withdrawn) = (null, null);
            NoteWritten(connection, writing.Name);
            return true;
        }
        using var removed = await TryRemoveAsync(connection, writing.Temporary).ConfigureAwait(false);
        writing.Temporary = null;
        if (!writing.WasWithdrawn || writing.Mode != StoreMode.CreateNew
            || !await IsItemAsync(connection, writing.Name).ConfigureAwait(false)) return false;

        // A link to the value may have been made before the line was lost, or somebody else may have been faster.
        call.IsFinal = true;
        throw new StoreException(StoreError.ConnectionLost,
            $"The connection was lost while '{writing.Name}' was given its name. There is an item of that name now, "
            + "and whether it is this one can't be known. Compare it.", writing.Name);
    }

    /// <summary>Takes away the file that a lost request may still give its name. It gets another name first: had it been removed, and
    /// the answer to that been lost as well, then whoever finds it gone could not know whether it has its name.</summary>
    /// <returns><see langword="false"/> when it has its name already.</returns>
    private async Task<bool> WithdrawAsync(SftpConnection connection, Writing writing)
    {
        writing.Withdrawn ??= writing.NewTemporary();
        using var renamed = await connection.SendAsync(
            new RenameRequest(ToPath(writing.Temporary!), ToPath(writing.Withdrawn))).ConfigureAwait(false);
        if (!renamed.IsOk && !await IsItemAsync(connection, writing.Withdrawn).ConfigureAwait(false))
            return renamed.Status == StatusCode.NoSuchFile ? false : throw Refused(renamed, "store", writing.Name);
        writing.Withdraw();
        return true;
    }

    /// <summary>Opens a file that must not be there yet; directories above it are made where they are missing.</summary>
    private async Task<Reply> OpenNewAsync(SftpConnection connection, string name)
    {
        var request = new OpenRequest(ToPath(name), OpenModes.Write | OpenModes.Create | OpenModes.Exclusive);
        var opened = await connection.SendAsync(request).ConfigureAwait(false);
        if (opened.Status != StatusCode.NoSuchFile) return opened;
        MakeParents(connection, name);
        return await connection.SendAsync(request).ConfigureAwait(false);
    }

    private async Task DropTemporaryAsync(SftpConnection connection, Writing writing)
    {
        if (writing.Temporary is not { } temporary) return;
        writing.Temporary = null;
        using var removed = await TryRemoveAsync(connection, temporary).ConfigureAwait(false);
    }

    // Version 3 has one code for all that fails; a file system that is full or may only be read is worth a question.
    private async Task<StoreException> ExplainRefusedWriteAsync(SftpConnection connection, Reply refusal, string task, string name, long size)
    {
        if (refusal.Status == StatusCode.NoSuchFile)
        {
            using var root = await StatAsync(connection, "").ConfigureAwait(false);
            if (root.Status == StatusCode.NoSuchFile) return DoesNotExist();
        }
        if (refusal.Status is StatusCode.NoSuchFile or StatusCode.Failure
            && await ItemAbove.FindAsync($"{task} '{name}'", name, parent => IsItemAsync(connection, parent)).ConfigureAwait(false) is { } explained)
            return explained;
        if (refusal.Status == StatusCode.NoSuchFile)
        {
            // The store is there, so the directories in it could not be made, and nobody was told why.
            using var made = await connection.SendAsync(new MakeDirectoryRequest(ToPath(name.Split('/')[0]))).ConfigureAwait(false);
            if (!made.IsOk) refusal = made;
        }
        if (refusal.Status == StatusCode.Failure && connection.Features.Has(Extension.FileSystemStat))
        {
            using var reply = await connection.SendAsync(new PathExtendedRequest(Extension.FileSystemStat, _root)).ConfigureAwait(false);
            var (free, isReadOnly) = reply.IsOk ? ReadFileSystem(reply.Content.Span) : (long.MaxValue, false);
            if (isReadOnly) return StoreException.While(StoreError.PermissionDenied, $"{task} '{name}'", name, "the server's file system may only be read");
            if (free < size) return StoreException.While(StoreError.NoSpace, $"{task} '{name}'", name, $"it has {size} bytes, and there is room for {free} more");
        }
        return Refused(refusal, task, name);
    }

    internal static (long Free, bool IsReadOnly) ReadFileSystem(ReadOnlySpan<byte> content)
    {
        const long readOnlyFlag = 1;
        var reader = new PacketReader(content);
        _ = reader.ReadInt64(); // block size
        var fragmentSize = reader.ReadInt64();
        _ = reader.ReadInt64(); // all blocks
        _ = reader.ReadInt64(); // free blocks
        var available = reader.ReadInt64(); // those that are not kept for root
        for (var i = 0; i < 4; i++) _ = reader.ReadInt64(); // all, free and available inodes, and the file system's number
        var flags = reader.ReadInt64();
        return ((long)UInt128.Min(long.MaxValue, (UInt128)(ulong)fragmentSize * (ulong)available), (flags & readOnlyFlag) != 0);
    }

    private static StoreException CannotReadAgain(Call call, string name)
    {
        call.IsFinal = true;
        return new(StoreError.ConnectionLost,
            $"The connection was lost while '{name}' was stored, and its source can be read only once. Nothing was stored; try again.", name);
    }
}
