using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;

namespace BorgStore.Backends.Sftp;

/// <content>Making values of others on the server: defragmenting and copying.</content>
internal sealed partial class SftpBackend
{
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
