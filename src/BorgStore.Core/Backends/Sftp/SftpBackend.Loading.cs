using BorgStore.Backends.Gathering;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;

namespace BorgStore.Backends.Sftp;

/// <content>Loading values.</content>
internal sealed partial class SftpBackend
{
    // Items that are open at the same time while ranges are gathered, and ranges of each that are asked for.
    private const int ItemsAtOnce = 64;
    private const int PiecesAtOnce = 256;

    // Read with the opening, before the size is known: enough for what is small.
    private const int FirstReadSize = 64 * 1024;

    // Whether the size is asked for along with the first bytes. A small value needs none, and values of a size come together.
    private volatile bool _expectsLarge;

    /// <inheritdoc/>
    public ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => RunAsync<ValueStream?>(async (connection, _) =>
        {
            if (await OpenAsync(connection, name).ConfigureAwait(false) is not { } handle) return null;
            var first = default(Reply);
            var isKept = false;
            try
            {
                // An offset from the end says nothing before the size is known.
                var wanted = range.Offset < 0 ? 0 : (int)Math.Min(range.Length ?? int.MaxValue, Math.Min(FirstReadSize, connection.Features.ReadSize));
                var reading = wanted > 0
                    ? connection.SendAsync(new ReadRequest(handle, range.Offset, wanted))
                    : default;
                var asksSize = wanted == 0 || _expectsLarge || !connection.Features.IsOpenSsh;
                var stat = asksSize ? await HandleStatAsync(connection, handle).ConfigureAwait(false) : default;
                first = await reading.ConfigureAwait(false);
                if (first.Content.Length > wanted) throw new StoreException(StoreError.BackendFailure, "The server sent more of a value than was asked for.", name);
                if (!asksSize)
                {
                    // Nothing but the end of a file shortens a read (draft-ietf-secsh-filexfer-02, section 6.4).
                    if (first.IsOk ? first.Content.Length < wanted || range.Length == wanted : first.Status == StatusCode.EndOfFile)
                        return new SftpValueStream(name, range.Offset, first.Content.Length, first, download: null, resume: null);
                    stat = await HandleStatAsync(connection, handle).ConfigureAwait(false);
                }
                if (!stat.IsOk) throw Refused(stat, "load", name);
                if (stat.Attributes.IsDirectory) return null;
                if (!first.IsOk && first.Status != StatusCode.EndOfFile) throw Refused(first, "load", name);

                var (start, count) = range.Resolve(stat.Attributes.Size);
                var end = start + count;
                isKept = first.Content.Length < count;
                _expectsLarge = isKept;
                var download = isKept ? new Download(connection, handle, start + first.Content.Length, end) : null;
                return new SftpValueStream(name, start, count, first, download, ResumeAsync);

                ValueTask<Download> ResumeAsync(long position, CancellationToken token)
                    => this.ResumeAsync(name, stat.Attributes, position, end, token);
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
    public ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => GatherStream.OpenAsync(FindAsync, blocks, ReadPiecesAsync, GatherStream.LargeWindow, cancellationToken);

    // Each item is opened once, and all its pieces are asked for before the first of them arrives.
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

    private async Task ReadPieceAsync(SftpConnection connection, byte[] handle, Piece piece)
    {
        var packets = new List<Task>();
        for (var start = 0; start < piece.Target.Length; start += connection.Features.ReadSize)
            packets.Add(ReadPacketAsync(start, Math.Min(connection.Features.ReadSize, piece.Target.Length - start)));
        await Task.WhenAll(packets).ConfigureAwait(false);

        async Task ReadPacketAsync(int start, int length)
        {
            // A server may send less than was asked for.
            for (var done = 0; done < length;)
            {
                using var reply = await connection.SendAsync(
                    new ReadRequest(handle, piece.Offset + start + done, length - done)).ConfigureAwait(false);
                if (reply.Status == StatusCode.EndOfFile || (reply.IsOk && reply.Content.IsEmpty)) throw piece.Outside(null);
                if (!reply.IsOk) throw await ExplainUnreadAsync(connection, handle, piece, reply).ConfigureAwait(false);
                if (reply.Content.Length > length - done)
                    throw new StoreException(StoreError.BackendFailure, "The server sent more of a value than was asked for.", piece.Name);
                reply.Content.CopyTo(piece.Target[(start + done)..]);
                done += reply.Content.Length;
            }
        }
    }

    // A server may open a directory for reading, and refuse only then.
    private async ValueTask<StoreException> ExplainUnreadAsync(SftpConnection connection, byte[] handle, Piece piece, Reply refusal)
    {
        using var stat = await HandleStatAsync(connection, handle).ConfigureAwait(false);
        return !stat.IsOk ? Refused(refusal, "load", piece.Name)
            : stat.Attributes.IsDirectory ? piece.Missing()
            : piece.Offset > stat.Attributes.Size - piece.Target.Length ? piece.Outside(stat.Attributes.Size)
            : Refused(refusal, "load", piece.Name);
    }

    private ValueTask<Download> ResumeAsync(string name, ItemAttributes before, long position, long end, CancellationToken cancellationToken)
        => RunAsync(async (connection, _) =>
        {
            var handle = await OpenAsync(connection, name).ConfigureAwait(false);
            if (handle is not null)
            {
                using var stat = await HandleStatAsync(connection, handle).ConfigureAwait(false);
                if (stat.IsOk && stat.Attributes.Size == before.Size && stat.Attributes.LastWriteTime == before.LastWriteTime)
                    return new Download(connection, handle, position, end);
                connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
            }
            throw new StoreException(StoreError.BackendFailure,
                $"The connection was lost while '{name}' was read, and the item is another one by now. Load it again.", name);
        }, cancellationToken);

    private async ValueTask<byte[]?> OpenAsync(SftpConnection connection, string name)
    {
        using var opened = await connection.SendAsync(new OpenRequest(ToPath(name), OpenModes.Read)).ConfigureAwait(false);
        if (opened.IsOk) return opened.Handle;
        if (opened.Status == StatusCode.NoSuchFile) return null;
        // Some servers refuse to open a directory, or deny the permission for a path that leads through a file.
        using var stat = await StatAsync(connection, name).ConfigureAwait(false);
        var isNoItem = stat.IsOk ? stat.Attributes.IsDirectory : stat.Status == StatusCode.NoSuchFile;
        return isNoItem ? null : throw Refused(opened, "load", name);
    }

    private static ValueTask<Reply> HandleStatAsync(SftpConnection connection, byte[] handle)
        => connection.SendAsync(new HandleRequest(PacketType.HandleStat, PacketType.Attributes, handle));
}
