using System.Globalization;
using BorgStore.Borg;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Locks Borg 2 repositories as Borg does before the same change.</summary>
internal static class RepositoryLock
{
    /// <summary>Borg's environment variable with the time to wait for a lock [s].</summary>
    public const string WaitVariable = "BORG_LOCK_WAIT";

    private const string Locks = "locks/";
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(10);

    /// <summary>Whether a change may need a lock. Locks themselves need none, and other stores cost nothing.</summary>
    /// <param name="store">The store.</param>
    /// <param name="name">The full name of the item, or a namespace with a slash; <see langword="null"/> if the change does not concern a single one.</param>
    public static bool MayNeedOne(Store store, string? name)
        => store.MayBeBorgRepository && name?.StartsWith(Locks, StringComparison.Ordinal) != true;

    /// <summary>Acquires the lock for a change.</summary>
    /// <param name="command">The command that makes the change.</param>
    /// <param name="store">The store.</param>
    /// <param name="change">The kind of change.</param>
    /// <param name="end">When the lock is released, for the message.</param>
    /// <param name="wait">How long to wait for others; <see langword="null"/> for the time that Borg waits.</param>
    /// <returns>The lock; <see langword="null"/> if the store is not a repository, or is one in which locks may not be written.</returns>
    /// <exception cref="StoreException"><see cref="StoreError.StoreLocked"/> if somebody else has locked it.</exception>
    public static BorgLock? Acquire(ILockingCommand command, Store store, RepositoryChange change, string end, TimeSpan? wait = null)
    {
        var isExclusive = change == RepositoryChange.Remove;
        try
        {
            var acquired = command.Wait(async token => await store.FindBorgLocksAsync(token) is { } locks
                ? await locks.AcquireAsync(isExclusive, wait ?? ReadWait(), besideOwn: true, token) : null);
            if (acquired is null) return null;
            command.WriteVerbose($"The Borg repository '{store.Url}' has {(isExclusive ? "an exclusive" : "a shared")} lock until {end}.");
            if (acquired.Others is [var other, ..]) command.WriteWarning($"The Borg repository '{store.Url}' is in use: {other}.");
            return acquired;
        }
        catch (StoreException e) when (e.Error == StoreError.PermissionDenied)
        {
            command.WriteWarning($"The Borg repository '{store.Url}' is used without a lock, because its locks may not be written or read. Make sure that Borg does not use it at the same time.");
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

/// <summary>The changes that commands make.</summary>
internal static class RepositoryChanges
{
    /// <summary>Returns the kind of a soft deletion. Borg soft-deletes archives beside other clients.</summary>
    /// <param name="name">The full name of the item, or a namespace with a slash.</param>
    public static RepositoryChange OfSoftDeletion(string name)
        => name.StartsWith("archives/", StringComparison.Ordinal) ? RepositoryChange.Add : RepositoryChange.Remove;
}
