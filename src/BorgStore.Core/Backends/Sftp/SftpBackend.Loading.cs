using BorgStore.Backends.Gathering;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp;

/// <content>Loading and gathering values.</content>
internal sealed partial class SftpBackend
{
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
}
