using System.Net;
using BorgStore.Security;

namespace BorgStore.Backends;

/// <summary>What a backend is told besides its URL.</summary>
public sealed record BackendOptions
{
    /// <summary>When values are safe from a power cut.</summary>
    public Durability Durability { get; init; }

    /// <summary>What may be done under which names; <see langword="null"/> for everything.</summary>
    public PermissionMap? Permissions { get; init; }

    /// <summary>The most bytes that all values together may have; <see langword="null"/> for no quota. File stores only.</summary>
    public long? Quota { get; init; }

    /// <summary>User and password, where the URL has none.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>Called with what goes wrong in the background, such as values that cannot be brought to the disk; from any
    /// thread. File stores only.</summary>
    public Action<string>? Warning { get; init; }

    /// <summary>Whether only the user may be able to change the store, which is a cache: a folder that others may write to is
    /// refused, and links in it are not followed. File stores only.</summary>
    internal bool IsPrivate { get; init; }
}
