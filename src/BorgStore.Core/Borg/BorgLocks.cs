using System.Collections.Concurrent;
using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Borg;

/// <summary>The locks of a Borg 2 repository. Shared locks may coexist, an exclusive one must be alone.</summary>
/// <remarks>
/// <para>The protocol is that of Borg's <c>storelocking.py</c>: a lock is an item named by the hash of its value. It is never changed; to
/// refresh it, its owner writes a new one and deletes the old one, every 15 minutes. Other clients delete it after 30 minutes without that.</para>
/// <para>Borg 2.0.0b25 and later read locks only if they are sealed with the repository's key. They honour ours, which are not,
/// but also take a shared one for exclusive; and theirs of encrypted repositories count as exclusive here.</para>
/// </remarks>
public sealed class BorgLocks
{
    /// <summary>The namespace of the locks.</summary>
    internal const string Namespace = "locks";

    private static readonly TimeSpan StaleAfter = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan RefreshAfter = StaleAfter / 2;
    private static readonly TimeSpan RefreshCheck = TimeSpan.FromMinutes(1);

    // How long a client that has listed the locks just before we wrote ours may take to write its own.
    private static readonly TimeSpan RaceDelay = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan SharedDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MinRetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(5);

    // The locks that this process holds, which are never stale, however late their refresh is.
    private static readonly ConcurrentDictionary<string, bool> HeldKeys = new();
    private static long _lockCount;

    private readonly IBackend _backend;
    private readonly OperationGate _gate;
    private readonly HashKind _hash;
    private readonly ConcurrentDictionary<BorgLock, bool> _held = new();
    private StorageClock? _clock;

    /// <summary>Initializes the locks of a repository.</summary>
    /// <param name="backend">The open backend.</param>
    /// <param name="gate">Admits operations while the store is open.</param>
    /// <param name="url">The store's URL without its password.</param>
    /// <param name="usesBlake3">Whether keys are BLAKE3 digests instead of SHA-256 ones.</param>
    internal BorgLocks(IBackend backend, OperationGate gate, string url, bool usesBlake3)
        => (_backend, _gate, Url, _hash) = (backend, gate, url, usesBlake3 ? HashKind.Blake3 : HashKind.Sha256);

    /// <summary>The store's URL, without its password.</summary>
    public string Url { get; }

    /// <summary>The age at which a lock is refreshed.</summary>
    internal TimeSpan RefreshAge { get; set; } = RefreshAfter;

    /// <summary>How often the age of a lock is checked. The clock is asked because a timer stands still while the machine is suspended.</summary>
    internal TimeSpan RefreshInterval { get; set; } = RefreshCheck;

    /// <summary>Lists the locks, stale ones included.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<IReadOnlyList<BorgLockInfo>> ListAsync(CancellationToken cancellationToken = default)
        => await ReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Acquires a lock, which is refreshed until it is disposed. Stale locks of others are removed.</summary>
    /// <param name="exclusive">Whether to lock out everyone else, as needed to delete; a shared lock is enough to read and to add.</param>
    /// <param name="timeout">How long to wait for locks of others; with zero, it is tried once.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <exception cref="StoreException"><see cref="StoreError.StoreLocked"/> with the owners of the locks in the way.</exception>
    public Task<BorgLock> AcquireAsync(bool exclusive, TimeSpan timeout, CancellationToken cancellationToken = default)
        => AcquireAsync(exclusive, timeout, besideOwn: false, cancellationToken);

    /// <summary>Acquires a lock.</summary>
    /// <param name="exclusive">Whether to lock out everyone else.</param>
    /// <param name="timeout">How long to wait for locks of others.</param>
    /// <param name="besideOwn">Whether other locks of this process are not in its way.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal async Task<BorgLock> AcquireAsync(bool exclusive, TimeSpan timeout, bool besideOwn, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var (blocking, _) = await FindOthersAsync(null).ConfigureAwait(false);
            if (blocking.Count == 0)
            {
                var mine = await BorgLock.CreateAsync(this, exclusive, Interlocked.Increment(ref _lockCount), cancellationToken).ConfigureAwait(false);
                _held[mine] = true;
                var isAcquired = false;
                try
                {
                    // Clients may have written locks at the same time; each of them looks again.
                    await Task.Delay(RaceDelay, cancellationToken).ConfigureAwait(false);
                    (blocking, var others) = await FindOthersAsync(mine).ConfigureAwait(false);
                    while (exclusive && blocking.Count == 0 && others.Count > 0 && Stopwatch.GetElapsedTime(start) < timeout)
                    {
                        await Task.Delay(SharedDelay, cancellationToken).ConfigureAwait(false);
                        (blocking, others) = await FindOthersAsync(mine).ConfigureAwait(false);
                    }
                    mine.ThrowIfLost();
                    if (blocking.Count == 0 && exclusive) blocking = others;
                    if (blocking.Count == 0)
                    {
                        isAcquired = true;
                        mine.Others = others;
                        return mine;
                    }
                }
                finally
                {
                    if (!isAcquired) await mine.DisposeAsync().ConfigureAwait(false);
                }
            }
            var left = timeout - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero) throw CreateLockedException(blocking);
            // Random, so that clients that got in each other's way don't meet again.
            var delay = MinRetryDelay + ((MaxRetryDelay - MinRetryDelay) * Random.Shared.NextDouble());
            await Task.Delay(delay < left ? delay : left, cancellationToken).ConfigureAwait(false);
        }

        // Removes stale locks, and returns the exclusive ones of others, and all of others. Without a lock of our own, the storage's clock may
        // be unknown. Then locks that only look stale are not in the way yet: the next look, after ours was written, decides.
        async Task<(IReadOnlyList<BorgLockInfo> Exclusive, IReadOnlyList<BorgLockInfo> All)> FindOthersAsync(BorgLock? mine)
        {
            var all = new List<BorgLockInfo>();
            foreach (var info in await ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (mine?.Item is { } item && item.Key == info.Key && info.LastWriteTime is { } written) _clock = new(written, item);
                if (mine?.Is(info) != true && !(besideOwn && info.IsOwn)) all.Add(info);
            }
            for (var i = all.Count - 1; i >= 0; i--)
            {
                if (Confirm(all[i]) is not { } isStale) continue;
                if (isStale) await DeleteAsync(all[i].Key, cancellationToken).ConfigureAwait(false);
                if (isStale) all.RemoveAt(i);
                else all[i] = all[i] with { State = BorgLockState.Live };
            }
            return ([.. all.Where(info => info.IsExclusive && (mine is not null || !info.IsStale))], all);
        }
    }

    /// <summary>Removes a lock.</summary>
    /// <param name="info">The lock, as it was listed.</param>
    /// <param name="force">Whether to remove it even if its owner may be at work. The owner notices this late, at its next refresh, and may
    /// damage the repository until then.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it still existed; after a refresh it has another name.</returns>
    /// <exception cref="StoreException"><see cref="StoreError.StoreLocked"/> if its owner may be at work and <paramref name="force"/> is not set.</exception>
    public async Task<bool> RemoveAsync(BorgLockInfo info, bool force = false, CancellationToken cancellationToken = default)
    {
        if (!force)
        {
            if (info.State == BorgLockState.Expired && info.LastWriteTime is not null && StorageNow is null) await ReadClockAsync(cancellationToken).ConfigureAwait(false);
            if (Confirm(info) != true)
                throw new StoreException(StoreError.StoreLocked,
                    $"The {info} was not removed: its owner may be at work. If you are sure that it is not, use -Force.", info.Name);
        }
        return await DeleteAsync(info.Key, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Writes a lock.</summary>
    /// <returns>Its key.</returns>
    internal async ValueTask<string> WriteAsync(LockContent content, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        var value = content.ToBytes();
        var key = _hash.ComputeHex(value);
        HeldKeys[key] = true;
        try
        {
            await _backend.StoreAsync($"{Namespace}/{key}", new(value), StoreMode.Overwrite, cancellationToken).ConfigureAwait(false);
            return key;
        }
        catch
        {
            HeldKeys.TryRemove(key, out _);
            throw;
        }
    }

    /// <summary>Deletes a lock.</summary>
    /// <returns>Whether it existed.</returns>
    internal async ValueTask<bool> DeleteAsync(string key, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        HeldKeys.TryRemove(key, out _);
        return await _backend.DeleteAsync($"{Namespace}/{key}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Called when a lock is released.</summary>
    internal void Forget(BorgLock released) => _held.TryRemove(released, out _);

    /// <summary>Releases all locks before the store closes.</summary>
    internal async ValueTask ReleaseAllAsync()
    {
        foreach (var held in _held.Keys) await held.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Creates the error of a lock that is in the way.</summary>
    /// <param name="blocking">The locks in the way; empty if they went away at the last moment.</param>
    internal StoreException CreateLockedException(IReadOnlyList<BorgLockInfo> blocking)
        => new(StoreError.StoreLocked,
            $"The Borg repository '{Url}' is locked: {(blocking.Count == 0 ? "several clients tried to lock it at once" : string.Join("; ", blocking.Take(3)))}. "
            + "Try again when Borg has finished. Get-BorgStoreLock shows the locks, and Remove-BorgStoreLock removes those whose owner has ended.", Url);

    private DateTime? StorageNow => _clock?.Read(StaleAfter);

    private async ValueTask<List<BorgLockInfo>> ReadAsync(CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        var locks = new List<BorgLockInfo>();
        try
        {
            var items = new List<ItemInfo>();
            await foreach (var item in _backend.ListAsync(Namespace, ListScope.OneLevel, cancellationToken).ConfigureAwait(false))
                if (!item.IsDirectory && !Suffixes.IsDeleted(item.Name)) items.Add(item);
            foreach (var item in items)
            {
                // One that has disappeared was released or refreshed.
                if (await _backend.LoadAsync($"{Namespace}/{item.Name}", new(0, LockContent.MaxSize), cancellationToken).ConfigureAwait(false) is not { } value) continue;
                await using (value.ConfigureAwait(false))
                    locks.Add(Judge(item, LockContent.Parse(await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false))));
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // The directory is created with the first lock.
        }
        return locks;
    }

    // Compares the times of a lock with this machine's clock. Before a lock is removed for its age, the storage's clock must agree.
    private static BorgLockInfo Judge(ItemInfo item, LockContent? content)
    {
        var (byOwner, byStorage) = (HasExpired(content?.Time), HasExpired(item.LastWriteTime));
        var state = HeldKeys.ContainsKey(item.Name) ? BorgLockState.Live
            : content is not null && LockOwner.HasEnded(content.HostId, content.ProcessId) ? BorgLockState.OwnerEnded
            : (byOwner ?? byStorage) == true && (byStorage ?? byOwner) == true ? BorgLockState.Expired
            : BorgLockState.Live;
        return new(item.Name, content is not null, content?.IsExclusive ?? true, content?.HostId, content?.ProcessId, content?.ThreadId,
            content?.Time, item.LastWriteTime, state);
    }

    private static bool? HasExpired(DateTime? time) => time is { } known ? DateTime.UtcNow - known > StaleAfter : null;

    // Returns whether a lock is stale, or null as long as the storage's clock is needed for that and not known. If the owner's clock or this
    // machine's is wrong, a lock only looks as if it was not refreshed.
    private bool? Confirm(BorgLockInfo info)
        => info.State != BorgLockState.Expired ? info.IsStale
            : info.LastWriteTime is not { } written ? true
            : StorageNow is { } now ? now - written > StaleAfter
            : null;

    private async ValueTask ReadClockAsync(CancellationToken cancellationToken)
    {
        var probe = await BorgLock.CreateAsync(this, exclusive: false, Interlocked.Increment(ref _lockCount), cancellationToken).ConfigureAwait(false);
        await using (probe.ConfigureAwait(false))
        {
            using var operation = _gate.Enter(cancellationToken);
            if (await _backend.FindAsync(probe.Name, cancellationToken).ConfigureAwait(false) is { LastWriteTime: { } written }) _clock = new(written, probe.Item);
        }
    }

    /// <summary>The storage's clock, derived from the time that it gave an item which this process wrote.</summary>
    /// <param name="Time">The item's time (UTC).</param>
    /// <param name="Item">The item.</param>
    private sealed record StorageClock(DateTime Time, BorgLock.WrittenItem Item)
    {
        // A timer may stand still while the machine is suspended, so an old reading is not used.
        public DateTime? Read(TimeSpan maxAge) => DateTime.UtcNow - Item.Time > maxAge ? null : Time + Stopwatch.GetElapsedTime(Item.Timer);
    }
}
