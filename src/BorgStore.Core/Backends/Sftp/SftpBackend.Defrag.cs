using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;
using BorgStore.Naming;

namespace BorgStore.Backends.Sftp;

/// <content>Defragmentation: inside the server where it copies, else through here.</content>
internal sealed partial class SftpBackend
{
    private const int SourcesAtOnce = 16;

    // Between two of these the server does what others ask for.
    private const long CopySize = 64 << 20;

    /// <inheritdoc/>
    public async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        // The name of what is hashed is known at the end; its namespace is where it grows.
        var writing = new Writing(request.Target ?? Join(request.Namespace.TrimEnd('/'), "defrag"), request.Mode);
        if (request.Target is null && request.Algorithm is null)
            throw new StoreException(StoreError.InvalidArgument, "Defragmentation needs the name of the new item, or a hash algorithm that makes it.");
        if (request.Algorithm is { } algorithm && request.Target is null)
        {
            // Some digests are too long for a name, which is better known before than after the work.
            var longest = HashedName(request, new string('0', 2 * algorithm.DigestSize));
            ItemName.CheckWritable(longest, longest);
        }

        await RunWritingAsync(writing, async (connection, call) =>
        {
            if (await SettleAsync(connection, call, writing).ConfigureAwait(false)) return true;
            await CheckBlocksAsync(connection, request.Sources).ConfigureAwait(false);
            await WriteAsync(connection, call, writing,
                (handle, token) => WriteBlocksAsync(connection, handle, request, writing, token)).ConfigureAwait(false);
            if (request.Target is null)
            {
                var hash = await HashFileAsync(connection, writing.Temporary!, request, call).ConfigureAwait(false);
                writing.Name = HashedName(request, hash);
            }
            await PublishAsync(connection, writing, writing.Name).ConfigureAwait(false);
            return true;
        }, cancellationToken).ConfigureAwait(false);
        return writing.Name;
    }

    private static string HashedName(DefragRequest request, string hash)
        => Nesting.Nest(Join(request.Namespace.TrimEnd('/'), hash), request.Levels);

    /// <summary>Nothing is written before all blocks are known to be there.</summary>
    private async Task CheckBlocksAsync(SftpConnection connection, IReadOnlyList<Block> blocks)
    {
        foreach (var some in blocks.GroupBy(block => block.Name).Chunk(256))
        {
            await Task.WhenAll(some.Select(async group =>
            {
                using var stat = await StatAsync(connection, group.Key).ConfigureAwait(false);
                if (stat.Status == StatusCode.NoSuchFile || stat.IsOk && stat.Attributes.IsDirectory)
                    throw new StoreException(StoreError.ObjectNotFound, $"There is no item '{group.Key}' to take a block from.", group.Key);
                if (!stat.IsOk) throw Refused(stat, "take a part of", group.Key);
                foreach (var block in group)
                {
                    if (block.Offset < 0 || block.Length < 0 || block.Offset > stat.Attributes.Size - block.Length)
                        throw block.Outside(stat.Attributes.Size);
                }
            })).ConfigureAwait(false);
        }
    }

    private async Task WriteBlocksAsync(SftpConnection connection, byte[] target, DefragRequest request, Writing writing, CancellationToken cancellationToken)
    {
        var blocks = request.Sources.Where(block => block.Length > 0).ToList();
        if (!connection.Features.Has(Extension.CopyData))
        {
            var stream = await GatherAsync(blocks, cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var reply = await Upload.WriteAsync(connection, target, new(stream, stream.Length), cancellationToken).ConfigureAwait(false);
                if (!reply.IsOk) throw await ExplainRefusedWriteAsync(connection, reply, "store", writing.Name, stream.Length).ConfigureAwait(false);
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

    /// <summary>Copies a few blocks inside the server: all sources are opened at once, then all is copied.</summary>
    private async Task CopyAsync(SftpConnection connection, Block[] blocks, byte[] target, long offset, string name, CancellationToken cancellationToken)
    {
        var names = blocks.Select(block => block.Name).Distinct().ToList();
        var opening = names.Select(source => OpenAsync(connection, source).AsTask()).ToList();
        try
        {
            var handles = await Task.WhenAll(opening).ConfigureAwait(false);
            if (Array.FindIndex(handles, handle => handle is null) is >= 0 and var absent)
                throw new StoreException(StoreError.ObjectNotFound, $"There is no item '{names[absent]}' any more.", names[absent]);
            var copies = new List<Task<Reply>>();
            foreach (var block in blocks)
            {
                var source = handles[names.IndexOf(block.Name)]!;
                for (long done = 0; done < block.Length && !cancellationToken.IsCancellationRequested;)
                {
                    var count = Math.Min(CopySize, block.Length - done);
                    copies.Add(connection.SendAsync(
                        new CopyDataRequest(source, block.Offset + done, count, target, offset)).AsTask());
                    (done, offset) = (done + count, offset + count);
                }
            }
            foreach (var reply in await Task.WhenAll(copies).ConfigureAwait(false))
            {
                if (!reply.IsOk) throw await ExplainRefusedWriteAsync(connection, reply, "store", name, offset).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (var opened in opening)
            {
                if (opened is { IsCompletedSuccessfully: true, Result: { } handle }) connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, handle));
            }
        }
    }

    private async Task<string> HashFileAsync(SftpConnection connection, string name, DefragRequest request, Call call)
    {
        try
        {
            if (await connection.Hashing.TryHashAsync(ToPath(name), request.Algorithm!, call).ConfigureAwait(false) is { } digest) return digest;
            var value = await LoadAsync(name, ByteRange.Whole, call.CancellationToken).ConfigureAwait(false)
                ?? throw new StoreException(StoreError.BackendFailure, "What was made of the blocks is gone; somebody cleared it away. Try again.", name);
            await using (value.ConfigureAwait(false))
                return await request.Algorithm!.ComputeHexAsync(value, call.CancellationToken).ConfigureAwait(false);
        }
        catch when (connection.Failure is null)
        {
            using var removed = await TryRemoveAsync(connection, name).ConfigureAwait(false);
            throw;
        }
    }
}
