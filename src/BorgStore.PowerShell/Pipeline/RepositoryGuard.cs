using BorgStore.Borg;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Locks the Borg 2 repositories that a cmdlet changes, from the first change to the end of the pipeline. Other stores cost nothing.</summary>
internal sealed class RepositoryGuard(StoreCommand cmdlet)
{
    private readonly Dictionary<StoreConnection, (BorgLock? Lock, RepositoryChange Change)> _known = [];

    /// <summary>Locks the repository in a store, if it is one, as Borg does before such a change. Throws if somebody else has locked it.</summary>
    /// <param name="lease">The store.</param>
    /// <param name="change">The kind of change.</param>
    /// <param name="name">The full name of the item; <see langword="null"/> if the change does not concern a single one.</param>
    public void Enter(StoreLease lease, RepositoryChange change, string? name)
    {
        if (!RepositoryLock.MayNeedOne(lease.Store, name)) return;
        var (held, covered) = _known.GetValueOrDefault(lease.Connection);
        held?.ThrowIfLost();
        if (covered >= change) return;
        var acquired = RepositoryLock.Acquire(cmdlet, lease.Store, change, "the pipeline ends");
        if (held is not null) cmdlet.Wait(_ => held.DisposeAsync().AsTask());
        _known[lease.Connection] = (acquired, change);
    }

    /// <summary>Returns the lock of a store, if there is one, for the caller to release.</summary>
    public BorgLock? Leave(StoreConnection connection) => _known.Remove(connection, out var known) ? known.Lock : null;
}
