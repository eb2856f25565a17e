using System.Diagnostics;
using BorgStore.Borg;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Drive;

/// <summary>The lock of the Borg 2 repository that a drive shows. PowerShell's commands change one item at a time and have no common end, so the lock is
/// held for a moment after each change, in which the next one may follow.</summary>
internal sealed class DriveLock
{
    // The commands of a session run one after another, so this only keeps the release and the end of the session away from them.
    private readonly object _lock = new();
    private Store? _store;
    private BorgLock? _held;
    private RepositoryChange _covered;
    private long? _refusedAt;
    private int _users;
    private long _changes;

    /// <summary>How long the lock is held after a change. Tests do not depend on how fast a machine is.</summary>
    internal static TimeSpan HoldTime { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Locks the repository, if the store is one, as Borg does before such a change. Throws if somebody else has locked it.</summary>
    /// <param name="command">The provider.</param>
    /// <param name="store">The store.</param>
    /// <param name="change">The kind of change.</param>
    /// <param name="name">The full name of the item, or a namespace with a slash.</param>
    /// <returns>The use of the lock, to be disposed after the change.</returns>
    public Use Enter(ILockingCommand command, Store store, RepositoryChange change, string name)
    {
        if (!RepositoryLock.MayNeedOne(store, name)) return default;
        lock (_lock) _users++;
        var use = new Use(this);
        try
        {
            Prepare(command, store, change);
            return use;
        }
        catch
        {
            use.Dispose();
            throw;
        }
    }

    /// <summary>Releases the lock now.</summary>
    public async Task ReleaseAsync()
    {
        if (Take() is { } held) await held.DisposeAsync();
    }

    private void Prepare(ILockingCommand command, Store store, RepositoryChange change)
    {
        if (_store != store) Release(command);
        try
        {
            _held?.ThrowIfLost();
        }
        catch (StoreException)
        {
            // The next command may try again.
            Release(command);
            throw;
        }
        if (_store == store && _covered >= change) return;
        // The commands of a pipeline that were refused do not all wait.
        TimeSpan? wait = _refusedAt is { } time && Stopwatch.GetElapsedTime(time) < HoldTime ? TimeSpan.Zero : null;
        try
        {
            var acquired = RepositoryLock.Acquire(command, store, change, "shortly after the last change", wait);
            Release(command);
            (_store, _held, _covered, _refusedAt) = (store, acquired, change, null);
        }
        catch (StoreException e) when (e.Error == StoreError.StoreLocked)
        {
            _refusedAt = Stopwatch.GetTimestamp();
            throw;
        }
    }

    private void Release(ILockingCommand command)
    {
        if (Take() is not { } held) return;
        command.Wait(async _ =>
        {
            await held.DisposeAsync();
            return true;
        });
    }

    private BorgLock? Take()
    {
        lock (_lock)
        {
            var held = _held;
            (_store, _held, _covered) = (null, null, RepositoryChange.None);
            return held;
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _changes++;
            if (--_users == 0) _ = ReleaseLaterAsync(_changes);
        }
    }

    // Releases the lock, unless another change was made meanwhile or is under way.
    private async Task ReleaseLaterAsync(long changes)
    {
        await Task.Delay(HoldTime);
        BorgLock? held;
        lock (_lock)
        {
            if (_users > 0 || _changes != changes) return;
            held = Take();
        }
        if (held is not null) await held.DisposeAsync();
    }

    /// <summary>The use of the lock by a change.</summary>
    /// <param name="owner">The lock; <see langword="null"/> if the change needs none.</param>
    public readonly struct Use(DriveLock? owner) : IDisposable
    {
        public void Dispose() => owner?.Leave();
    }
}
