using System.Globalization;

namespace BorgStore.Borg;

/// <summary>A lock of a Borg 2 repository, as it was listed.</summary>
/// <param name="Key">The key of its item in the namespace <c>locks</c>, which changes whenever its owner refreshes it.</param>
/// <param name="IsReadable">Whether its content could be read. Since Borg 2.0.0b25 a lock is encrypted with the repository's key, unless the
/// repository is not encrypted; its owner is unknown then, and it counts as exclusive, as it does for a Borg without the key.</param>
/// <param name="IsExclusive">Whether it admits no other lock.</param>
/// <param name="HostId">The host of its owner, <c>name@number</c>, if known.</param>
/// <param name="ProcessId">The process of its owner, if known.</param>
/// <param name="ThreadId">The thread of its owner, if known; Borg always writes 0.</param>
/// <param name="Time">When its owner acquired or last refreshed it (UTC, the owner's clock), if known.</param>
/// <param name="LastWriteTime">When the storage wrote it (UTC, the storage's clock), if the storage knows.</param>
/// <param name="State">Whether its owner is still expected to be at work.</param>
public sealed record BorgLockInfo(
    string Key,
    bool IsReadable,
    bool IsExclusive,
    string? HostId,
    int? ProcessId,
    long? ThreadId,
    DateTime? Time,
    DateTime? LastWriteTime,
    BorgLockState State)
{
    /// <summary>The full name of its item.</summary>
    public string Name => $"{BorgLocks.Namespace}/{Key}";

    /// <summary>Whether its owner can no longer be at work, so that it may be removed.</summary>
    public bool IsStale => State != BorgLockState.Live;

    /// <summary>Whether it belongs to this process.</summary>
    public bool IsOwn => ProcessId == Environment.ProcessId && HostId is { } host && LockOwner.IsThisHost(host);

    /// <summary>Returns a description for messages.</summary>
    public override string ToString()
    {
        var since = (Time ?? LastWriteTime) is { } time ? $", refreshed at {time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)} UTC" : "";
        return IsReadable
            ? $"{(IsExclusive ? "exclusive" : "shared")} lock of process {ProcessId} on {HostId}{since}"
            : $"lock {Name}, whose owner is encrypted with the repository's key{since}";
    }
}

/// <summary>Whether the owner of a lock is still expected to be at work.</summary>
public enum BorgLockState
{
    /// <summary>Its owner may be at work.</summary>
    Live,

    /// <summary>Its owner was a process on this machine that has ended.</summary>
    OwnerEnded,

    /// <summary>Its owner did not refresh it for 30 minutes, which is twice the time after which owners do.</summary>
    Expired,
}
