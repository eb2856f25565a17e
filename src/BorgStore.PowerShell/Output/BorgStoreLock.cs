using BorgStore.Borg;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>A lock of a Borg 2 repository.</summary>
public sealed class BorgStoreLock
{
    internal BorgStoreLock(BorgLockInfo info, BorgStoreHandle store)
    {
        Name = info.Name;
        Owner = info.HostId;
        ProcessId = info.ProcessId;
        ThreadId = info.ThreadId;
        Time = info.Time?.ToLocalTime();
        LastWriteTime = info.LastWriteTime?.ToLocalTime();
        Age = DateTime.UtcNow - (info.Time ?? info.LastWriteTime);
        IsExclusive = info.IsExclusive;
        IsReadable = info.IsReadable;
        IsOwn = info.IsOwn;
        State = info.State;
        Store = store;
    }

    /// <summary>The full name of its item, which changes when its owner refreshes it.</summary>
    public string Name { get; }

    /// <summary>The host of its owner, or <see langword="null"/> if that is encrypted.</summary>
    public string? Owner { get; }

    /// <summary>The process of its owner, or <see langword="null"/> if that is encrypted.</summary>
    public int? ProcessId { get; }

    /// <summary>The thread of its owner, or <see langword="null"/> if that is encrypted; Borg always writes 0.</summary>
    public long? ThreadId { get; }

    /// <summary>When its owner acquired or last refreshed it (local time), or <see langword="null"/> if that is encrypted.</summary>
    public DateTime? Time { get; }

    /// <summary>When the storage wrote it (local time), if the storage knows.</summary>
    public DateTime? LastWriteTime { get; }

    /// <summary>The time since then, by this machine's clock, if known.</summary>
    public TimeSpan? Age { get; }

    /// <summary>Whether it admits no other lock. One that cannot be read counts as exclusive.</summary>
    public bool IsExclusive { get; }

    /// <summary>Whether its content is readable, and not encrypted with the repository's key.</summary>
    public bool IsReadable { get; }

    /// <summary>Whether it belongs to this process.</summary>
    public bool IsOwn { get; }

    /// <summary>Whether its owner may be at work, and otherwise why not.</summary>
    public BorgLockState State { get; }

    /// <summary>Whether its owner can no longer be at work.</summary>
    public bool IsStale => State != BorgLockState.Live;

    /// <summary>The store of the lock.</summary>
    public BorgStoreHandle Store { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
