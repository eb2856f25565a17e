using System.Buffers;


namespace BorgStore.Backends.Files;

internal sealed partial class FileBackend
{
    // Longer values are written in pieces of this size on the thread pool, and cancelled between two.
    private const int ChunkSize = 1 << 20;

    // Shorter ones are refused early enough when they are in the temporary file already.
    private const int WorthCheckingFirst = 64 * 1024;

    /// <inheritdoc/>
    public async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            using var change = _flusher.BeginChange();
            _calls.MakeDirectories(name, _flusher.DirectoryMaking);
            await _flusher.SecureNameAsync(name).ConfigureAwait(false);
        }
        catch (FileFailure failure)
        {
            throw failure.While("make the directory", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            using var change = _flusher.BeginChange();
            if (!_calls.RemoveDirectory(name)) return false;
            await _flusher.SecureNameAsync(name).ConfigureAwait(false);
            return true;
        }
        catch (FileFailure failure)
        {
            throw failure.While("remove the directory", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            return _calls.GetStatus(name)?.ToItem(name);
        }
        catch (FileFailure failure)
        {
            throw failure.While("find", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            if (_calls.OpenFile(name, out var status) is not { } file) return null;
            var (start, count) = range.Resolve(status.Size);
            return new FileValueStream(_calls, file, name, start, count);
        }
        catch (FileFailure failure)
        {
            throw failure.While("load", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            using var change = _flusher.BeginChange();
            if (_flusher.IsSlow || value.Length > ChunkSize) await ToThreadPoolAsync();
            using var reservation = value.Length > WorthCheckingFirst ? _quota?.Reserve(name, value.Length, cancellationToken) : null;
            using var file = TemporaryFile.Create(_calls, FileCalls.DirectoryOf(name), _flusher.DirectoryMaking);
            if (value.IsInMemory) Write(file, value.Bytes, cancellationToken);
            else await WriteAsync(file, value, cancellationToken).ConfigureAwait(false);
            await PublishAsync(file, name, mode, reservation, cancellationToken).ConfigureAwait(false);
        }
        catch (FileFailure failure)
        {
            throw failure.While("store", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            using var change = _flusher.BeginChange();
            if (_flusher.IsSlow) await ToThreadPoolAsync();
            var wasThere = Delete(name, cancellationToken);
            await _flusher.SecureDeletedAsync(name, wasThere).ConfigureAwait(false);
            return wasThere;
        }
        catch (FileFailure failure)
        {
            throw failure.While("delete", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            using var change = _flusher.BeginChange();
            if (_flusher.IsSlow) await ToThreadPoolAsync();
            if (!Move(name, newName, mode, cancellationToken)) return false;
            await _flusher.SecureMovedAsync(name, newName).ConfigureAwait(false);
            return true;
        }
        catch (FileFailure failure)
        {
            throw failure.While($"move to '{newName}' the item", name);
        }
    }

    private static void Write(TemporaryFile file, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        for (; bytes.Length > ChunkSize; bytes = bytes[ChunkSize..])
        {
            file.Write(bytes.Span[..ChunkSize]);
            cancellationToken.ThrowIfCancellationRequested();
        }
        file.Write(bytes.Span);
    }

    private static async ValueTask WriteAsync(TemporaryFile file, StoreValue value, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(value.Length, 1, ChunkSize));
        try
        {
            var stream = value.OpenStream();
            await using (stream.ConfigureAwait(false))
                while (file.Length < value.Length)
                {
                    var wanted = (int)Math.Min(buffer.Length, value.Length - file.Length);
                    await stream.ReadExactlyAsync(buffer.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
                    file.Write(buffer.AsSpan(0, wanted));
                    cancellationToken.ThrowIfCancellationRequested();
                }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask PublishAsync(
        TemporaryFile file, string name, StoreMode mode, FileQuota.Reservation? reservation, CancellationToken cancellationToken)
    {
        var isSafe = await _flusher.SecureValueAsync(file.Handle, name).ConfigureAwait(false);
        file.Close();
        Publish(file, name, mode, reservation, cancellationToken);
        await _flusher.SecureStoredAsync(name, isSafe).ConfigureAwait(false);
    }

    private void Publish(
        TemporaryFile file, string name, StoreMode mode, FileQuota.Reservation? reservation, CancellationToken cancellationToken)
    {
        if (_quota is null)
        {
            file.PublishAs(name, mode, _flusher.DirectoryMaking);
            return;
        }
        using var change = _quota.Begin(name, file.Length, reservation, cancellationToken);
        try
        {
            file.PublishAs(name, mode, _flusher.DirectoryMaking);
        }
        catch (FileFailure)
        {
            change.Undo();
            throw;
        }
        change.Complete();
    }

    private bool Delete(string name, CancellationToken cancellationToken)
    {
        if (_quota is null) return _calls.Delete(name);
        using var change = _quota.Begin(name, 0, null, cancellationToken);
        try
        {
            if (_calls.Delete(name))
            {
                change.Complete();
                return true;
            }
            change.Undo();
            return false;
        }
        catch (FileFailure)
        {
            change.Undo();
            throw;
        }
    }

    private bool Move(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        if (newName.StartsWith(name + "/", StringComparison.Ordinal) && _calls.GetStatus(name) is { IsDirectory: true })
            throw new FileFailure(StoreError.InvalidArgument, "a directory cannot be moved below itself");
        // Only what is replaced changes the sum, and that goes.
        if (_quota is null || mode == StoreMode.CreateNew || name == newName) return Rename(name, newName, mode);
        using var change = _quota.Begin(newName, 0, null, cancellationToken);
        try
        {
            if (Rename(name, newName, mode))
            {
                change.Complete();
                return true;
            }
            change.Undo();
            return false;
        }
        catch (FileFailure)
        {
            change.Undo();
            throw;
        }
    }

    private bool Rename(string name, string newName, StoreMode mode)
    {
        var result = _calls.Rename(name, newName, mode);
        if (result == RenameResult.Absent && _calls.GetStatus(name) is { } status)
        {
            // A directory does not take the place of an item; the system says the same of that as of a missing directory.
            if (status.IsDirectory && _calls.GetStatus(newName) is not null) throw TemporaryFile.Refusal(RenameResult.Taken, StoreMode.CreateNew);
            _calls.MakeDirectories(FileCalls.DirectoryOf(newName), _flusher.DirectoryMaking);
            result = _calls.Rename(name, newName, mode);
        }
        return result switch
        {
            RenameResult.Done => true,
            RenameResult.Absent => false,
            _ => throw TemporaryFile.Refusal(result, mode),
        };
    }
}
