using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Backends.Sftp.Values;

namespace BorgStore.Backends.Sftp;

/// <content>What was written, on the server's disk. SFTP knows a sync for a file and none for a directory.</content>
internal sealed partial class SftpBackend
{
    private const int SyncsInFlight = 64;
    private static readonly TimeSpan LongestUnsynced = TimeSpan.FromSeconds(1);

    private readonly UnsyncedFiles _unsynced = new();
    private readonly SemaphoreSlim _syncing = new(1);
    private int _willSync;
    private StoreException? _untold;

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(_shownUrl);
        await SyncAsync(tells: true, cancellationToken).ConfigureAwait(false);
    }

    // The syncing of many files one after the other costs hardly more than that of one: the first writes the journal for all.
    private void NoteWritten(SftpConnection connection, string name)
    {
        if (_durability != Durability.Batch || !connection.Features.Has(Extension.Fsync)) return;
        _unsynced.Add(name);
        if (Interlocked.Exchange(ref _willSync, 1) == 0) _ = SyncSoonAsync();
    }

    private async Task SyncSoonAsync()
    {
        await Task.Delay(LongestUnsynced).ConfigureAwait(false);
        Volatile.Write(ref _willSync, 0);
        try
        {
            using var pass = _gate.Enter(_shownUrl);
            await SyncAsync(tells: false, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // It is being closed, which syncs as well.
        }
    }

    private async ValueTask FlushLastAsync()
    {
        await ClearAbandonedAtLastAsync().ConfigureAwait(false);
        await SyncAsync(tells: true, CancellationToken.None).ConfigureAwait(false);
        _syncing.Dispose();
    }

    private async Task SyncAsync(bool tells, CancellationToken cancellationToken)
    {
        // Who comes while another one syncs has to wait for that, for his values may be among those.
        await _syncing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var names = _unsynced.TakeAll();
            try
            {
                await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = SyncsInFlight, CancellationToken = cancellationToken },
                    async (name, token) => await RepeatUngatedAsync((connection, _) => SyncAsync(connection, name), token).ConfigureAwait(false))
                    .ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _unsynced.PutBack(names);
                if (tells || e is not StoreException failure) throw;
                // A server that failed to write something may well succeed the next time, and yet the bytes are lost.
                if (failure.Error is not (StoreError.ConnectionLost or StoreError.Timeout)) _untold = failure;
            }
            if (!tells || _untold is not { } untold) return;
            _untold = null;
            throw new StoreException(untold.Error, untold.Message, untold.Name, untold);
        }
        finally
        {
            _syncing.Release();
        }
    }

    private async Task<bool> SyncAsync(SftpConnection connection, string name)
    {
        using var opened = await connection.SendAsync(new OpenRequest(ToPath(name), OpenModes.Read)).ConfigureAwait(false);
        // Somebody else deleted or moved it, or its permissions let nobody read it.
        if (!opened.IsOk) return false;
        var answer = connection.SendAsync(new FsyncRequest(opened.Handle));
        connection.SendAndForget(new HandleRequest(PacketType.Close, PacketType.Status, opened.Handle));
        using var synced = await answer.ConfigureAwait(false);
        return synced.IsOk ? true : throw Refused(synced, "bring to the server's disk", name);
    }
}
