using System.Globalization;
using BorgStore.Borg;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Locks the Borg 2 repositories that a cmdlet changes, from the first change to the end of the pipeline. Other stores cost nothing.</summary>
internal sealed class RepositoryGuard(StoreCommand cmdlet)
{
    /// <summary>Borg's environment variable with the time to wait for a lock [s].</summary>
    public const string WaitVariable = "BORG_LOCK_WAIT";

    private const string Locks = "locks/";
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(10);

    private readonly Dictionary<StoreConnection, (BorgLock? Lock, RepositoryChange Change)> _known = [];

    /// <summary>Locks the repository in a store, if it is one, as Borg does before such a change. Throws if somebody else has locked it.</summary>
    /// <param name="lease">The store.</param>
    /// <param name="change">The kind of change.</param>
    /// <param name="name">The full name of the item; <see langword="null"/> if the change does not concern a single one.</param>
    public void Enter(StoreLease lease, RepositoryChange change, string? name)
    {
        if (!lease.Store.MayBeBorgRepository || name?.StartsWith(Locks, StringComparison.Ordinal) == true) return;
        var (held, covered) = _known.GetValueOrDefault(lease.Connection);
        held?.ThrowIfLost();
        if (covered >= change) return;
        var acquired = Acquire(lease.Store, change);
        if (held is not null) cmdlet.Wait(_ => held.DisposeAsync().AsTask());
        _known[lease.Connection] = (acquired, change);
    }

    /// <summary>Returns the lock of a store, if there is one, for the caller to release.</summary>
    public BorgLock? Leave(StoreConnection connection) => _known.Remove(connection, out var known) ? known.Lock : null;

    // Returns null if the store is not a repository, or one in which locks may not be written.
    private BorgLock? Acquire(Store store, RepositoryChange change)
    {
        var isExclusive = change == RepositoryChange.Remove;
        try
        {
            var acquired = cmdlet.Wait(async token => await store.FindBorgLocksAsync(token) is { } locks
                ? await locks.AcquireAsync(isExclusive, ReadWait(), besideOwn: true, token) : null);
            if (acquired is null) return null;
            cmdlet.WriteVerbose($"The Borg repository '{store.Url}' has {(isExclusive ? "an exclusive" : "a shared")} lock until the pipeline ends.");
            if (acquired.Others is [var other, ..]) cmdlet.WriteWarning($"The Borg repository '{store.Url}' is in use: {other}.");
            return acquired;
        }
        catch (StoreException e) when (e.Error == StoreError.PermissionDenied)
        {
            cmdlet.WriteWarning($"The Borg repository '{store.Url}' is used without a lock, because its locks may not be written or read. Make sure that Borg does not use it at the same time.");
            return null;
        }
    }

    private static TimeSpan ReadWait()
    {
        var text = Environment.GetEnvironmentVariable(WaitVariable);
        if (string.IsNullOrWhiteSpace(text)) return DefaultWait;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return TimeSpan.FromSeconds(seconds);
        throw new StoreException(StoreError.InvalidArgument,
            $"The environment variable {WaitVariable} is '{text}', which is not a number of seconds. Set it to one, or remove it.");
    }
}

/// <summary>The kind of a change to a store, which determines how Borg would lock a repository for it.</summary>
internal enum RepositoryChange
{
    /// <summary>No change.</summary>
    None,

    /// <summary>It is read as a whole, during which nothing may be removed: a shared lock.</summary>
    Read,

    /// <summary>Something is added, which others at work do not mind: a shared lock.</summary>
    Add,

    /// <summary>Something is removed or moved that others may need: an exclusive lock.</summary>
    Remove,
}
