using System.Diagnostics;

namespace BorgStore.Borg;

/// <summary>A lock of a Borg 2 repository that is held and refreshed until it is disposed or its store is closed.</summary>
public sealed class BorgLock : IAsyncDisposable
{
    private readonly BorgLocks _locks;
    private readonly long _number;
    private readonly CancellationTokenSource _released = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly Task _refreshing;
    private int _isDisposed;
    private string? _replaced;

    private BorgLock(BorgLocks locks, bool exclusive, long number, WrittenItem item)
    {
        (_locks, IsExclusive, _number, Item) = (locks, exclusive, number, item);
        Lost = _lost.Token;
        _refreshing = Task.Run(RefreshAsync);
    }

    /// <summary>Whether it locks out everyone else.</summary>
    public bool IsExclusive { get; }

    /// <summary>The full name of its item, which changes with each refresh.</summary>
    public string Name => $"{BorgLocks.Namespace}/{Item.Key}";

    /// <summary>Canceled when somebody else has removed the lock, for example because this machine was suspended. Work under the lock
    /// must then be given up, because another client may already be at work.</summary>
    public CancellationToken Lost { get; }

    /// <summary>The shared locks of others that coexisted when it was acquired.</summary>
    internal IReadOnlyList<BorgLockInfo> Others { get; set; } = [];

    /// <summary>Its current item.</summary>
    internal WrittenItem Item { get; private set; }

    /// <summary>Writes a lock and begins to refresh it.</summary>
    /// <param name="locks">The locks of the repository.</param>
    /// <param name="exclusive">Whether it locks out everyone else.</param>
    /// <param name="number">Distinguishes the locks of this process.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal static async Task<BorgLock> CreateAsync(BorgLocks locks, bool exclusive, long number, CancellationToken cancellationToken)
    {
        var item = await WriteAsync(locks, exclusive, number, cancellationToken).ConfigureAwait(false);
        return new(locks, exclusive, number, item);
    }

    /// <summary>Returns whether a listed lock is this one; during a refresh there are two items.</summary>
    internal bool Is(BorgLockInfo info) => info.ThreadId == _number && info.IsOwn;

    /// <summary>Throws <see cref="StoreError.StoreLocked"/> if the lock was lost.</summary>
    public void ThrowIfLost()
    {
        if (_lost.IsCancellationRequested)
            throw new StoreException(StoreError.StoreLocked,
                $"The lock of the Borg repository '{_locks.Url}' was removed by somebody else while it was in use, so the work was given up. Run Borg's check, then try again.", _locks.Url);
    }

    /// <summary>Releases the lock. If that fails, it becomes stale after 30 minutes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        await _released.CancelAsync().ConfigureAwait(false);
        await _refreshing.ConfigureAwait(false);
        try
        {
            if (!_lost.IsCancellationRequested) await _locks.DeleteAsync(Item.Key, CancellationToken.None).ConfigureAwait(false);
            if (_replaced is { } replaced) await _locks.DeleteAsync(replaced, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // Others wait for it until it is stale; the work under it is done all the same.
        }
        _locks.Forget(this);
        _released.Dispose();
    }

    private static async ValueTask<WrittenItem> WriteAsync(BorgLocks locks, bool exclusive, long number, CancellationToken cancellationToken)
    {
        var (time, timer) = (DateTime.UtcNow, Stopwatch.GetTimestamp());
        var key = await locks.WriteAsync(new(exclusive, LockOwner.HostId, Environment.ProcessId, number, time), cancellationToken).ConfigureAwait(false);
        return new(key, time, timer);
    }

    private async Task RefreshAsync()
    {
        var released = _released.Token;
        var mayBeDeleted = false;
        while (!_lost.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(_locks.RefreshInterval, released).ConfigureAwait(false);
                if (_replaced is null && DateTime.UtcNow - Item.Time < _locks.RefreshAge) continue;
                // From here on it is not canceled, because two locks would be left.
                if (_replaced is null)
                {
                    var item = await WriteAsync(_locks, IsExclusive, _number, CancellationToken.None).ConfigureAwait(false);
                    (_replaced, Item, mayBeDeleted) = (Item.Key, item, false);
                }
                var (isFirstTry, replaced) = (!mayBeDeleted, _replaced);
                mayBeDeleted = true;
                var wasHeld = await _locks.DeleteAsync(replaced, CancellationToken.None).ConfigureAwait(false);
                _replaced = null;
                if (wasHeld || !isFirstTry) continue;
                // The client that removed it may have locked the repository since.
                await _lost.CancelAsync().ConfigureAwait(false);
                await _locks.DeleteAsync(Item.Key, CancellationToken.None).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (StoreException)
            {
                // Tried again a minute later; there is time for that until the lock is stale.
            }
        }
    }

    /// <summary>An item that this process wrote for a lock.</summary>
    /// <param name="Key">Its key.</param>
    /// <param name="Time">When it was written (UTC, this machine's clock).</param>
    /// <param name="Timer">The same by this machine's timer.</param>
    internal sealed record WrittenItem(string Key, DateTime Time, long Timer);
}
