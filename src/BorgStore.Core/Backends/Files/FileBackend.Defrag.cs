using System.Buffers;
using BorgStore.Backends.Files.Quota;
using BorgStore.Backends.Gathering;
using BorgStore.Hashing;
using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

internal sealed partial class FileBackend
{
    // Bytes copied per system call, between cancellation checks.
    private const long CopySize = 16 << 20;

    // Larger reads must not block the thread of an asynchronous caller.
    private const int MaxInlineGatherSize = 64 * 1024;

    /// <inheritdoc/>
    protected override async ValueTask<string?> HashCoreAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var stream = await LoadCoreAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
        if (stream is null) return null;
        await using (stream.ConfigureAwait(false))
        {
            if (stream.Length > ChunkSize) await ToThreadPoolAsync();
            return await algorithm.ComputeHexAsync(stream, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override ValueTask<ValueStream> GatherCoreAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => GatherStream.OpenAsync(this, blocks, ReadPiecesAsync, ChunkSize, cancellationToken);

    /// <inheritdoc/>
    protected override async ValueTask<string> DefragCoreAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        var directory = request.Target is { } name ? FileSystem.DirectoryOf(name) : request.Namespace.TrimEnd('/');
        using var change = _flusher.BeginChange();
        await ToThreadPoolAsync();
        using var reservation = Reserve(request, cancellationToken);
        using var file = TemporaryFile.Create(_fileSystem, directory, _flusher.OnCreatingDirectory);
        var target = Gather(file, request, cancellationToken);
        await PublishAsync(file, target, request.Mode, reservation, cancellationToken).ConfigureAwait(false);
        return target;
    }

    /// <inheritdoc/>
    protected override async ValueTask<long?> CopyFromCoreAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        if (origin.Storage is not FileBackend other || other == _uncopyable) return null;
        using var reading = other.Gate.Enter(cancellationToken);
        using var source = other._fileSystem.OpenFile(origin.Name, out var status);
        if (source is null) return null;
        using var change = _flusher.BeginChange();
        if (_flusher.IsSlow || status.Size > ChunkSize) await ToThreadPoolAsync();
        using var reservation = status.Size > EarlyQuotaCheckThreshold ? _quota?.Reserve(name, status.Size, cancellationToken) : null;
        using var file = TemporaryFile.Create(_fileSystem, FileSystem.DirectoryOf(name), _flusher.OnCreatingDirectory);
        while (file.Length < status.Size)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (file.CopyFrom(source, file.Length, Math.Min(CopySize, status.Size - file.Length)) > 0) continue;
            // The two are on different file systems, or on one that does not copy. It is the same for all items, so it is tried once.
            _uncopyable = other;
            return null;
        }
        await PublishAsync(file, name, mode, reservation, cancellationToken).ConfigureAwait(false);
        return status.Size;
    }

    // Opens each item once and reads each piece with one call; makes no other system calls unless something is wrong.
    private async ValueTask ReadPiecesAsync(IReadOnlyList<Piece> pieces, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        if (pieces.Sum(piece => (long)piece.Target.Length) > MaxInlineGatherSize) await ToThreadPoolAsync();
        foreach (var item in pieces.GroupBy(piece => piece.Name))
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using var file = _fileSystem.OpenFile(item.Key) ?? throw item.First().Missing();
                foreach (var piece in item) ReadPiece(file, piece);
            }
            catch (StoreException e) when (e.Name is null)
            {
                throw e.About(item.Key);
            }
        }
    }

    private void ReadPiece(SafeFileHandle file, Piece piece)
    {
        for (var done = 0; done < piece.Target.Length;)
        {
            int read;
            try
            {
                read = _fileSystem.Read(file, piece.Target.Span[done..], piece.Offset + done);
            }
            catch (StoreException)
            {
                // Reading fails for a directory, and for an offset beyond what the system accepts.
                if (_fileSystem.GetStatus(piece.Name) is not { IsDirectory: false } status) throw piece.Missing();
                if (piece.Offset > status.Size - piece.Target.Length) throw piece.Outside(status.Size);
                throw;
            }
            if (read == 0) throw piece.Outside(_fileSystem.GetStatus(piece.Name)?.Size);
            done += read;
        }
    }

    private FileQuota.Reservation? Reserve(DefragRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return _quota?.Reserve(request.Target, LengthOf(request), cancellationToken);
        }
        catch (StoreException failure) when (failure.Error == StoreError.QuotaExceeded)
        {
            // A missing block is the more useful error than the quota that it would have exceeded.
            foreach (var block in request.Sources)
            {
                using var source = OpenSource(block.Name, out var size);
                block.ThrowIfOutside(size);
            }
            throw;
        }
    }

    private static long LengthOf(DefragRequest request)
        => request.Sources.Aggregate(0L, (sum, block) => sum + Math.Clamp(block.Length, 0, long.MaxValue - sum));

    // Returns the nested name of the gathered item.
    private string Gather(TemporaryFile file, DefragRequest request, CancellationToken cancellationToken)
    {
        using var hasher = request.Target is null ? request.Algorithm!.CreateHasher() : null;
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkSize);
        SafeFileHandle? source = null;
        try
        {
            var (sourceName, sourceSize) = ("", 0L);
            foreach (var block in request.Sources)
            {
                if (source is null || block.Name != sourceName)
                {
                    source?.Dispose();
                    source = OpenSource(block.Name, out sourceSize);
                    sourceName = block.Name;
                }
                block.ThrowIfOutside(sourceSize);
                Gather(file, source, block, hasher, buffer, cancellationToken);
            }
        }
        finally
        {
            source?.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return request.Target ?? request.NameOf(hasher!.FinishHex());
    }

    private void Gather(
        TemporaryFile file, SafeFileHandle source, Block block, Hasher? hasher, byte[] buffer, CancellationToken cancellationToken)
    {
        var (offset, left) = (block.Offset, block.Length);
        // Content that is hashed must be read into this process; everything else can be copied by the file system.
        var canCopy = hasher is null;
        while (left > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = canCopy ? file.CopyFrom(source, offset, Math.Min(left, CopySize)) : 0;
            if (count == 0)
            {
                canCopy = false;
                var read = _fileSystem.Read(source, buffer.AsSpan(0, (int)Math.Min(left, ChunkSize)), offset);
                if (read == 0) throw block.Outside(offset);
                hasher?.Append(buffer.AsSpan(0, read));
                file.Write(buffer.AsSpan(0, read));
                count = read;
            }
            offset += count;
            left -= count;
        }
    }

    private SafeFileHandle OpenSource(string name, out long size)
    {
        var source = _fileSystem.OpenFile(name, out var status);
        size = status.Size;
        return source ?? throw new StoreException(StoreError.ObjectNotFound, name: name);
    }
}
