using System.Net;
using BorgStore.Security;

namespace BorgStore.Backends;

/// <summary>Options of a backend, besides its URL.</summary>
public sealed record BackendOptions
{
    /// <summary>When values are safe from a power cut.</summary>
    public Durability Durability { get; init; }

    /// <summary>The permitted operations by name; <see langword="null"/> to permit everything.</summary>
    public PermissionMap? Permissions { get; init; }

    /// <summary>The maximum total size of all values [bytes]; <see langword="null"/> for no quota. File stores only.</summary>
    public long? Quota { get; init; }

    /// <summary>User and password, if the URL has none.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>The only host key to trust, as <c>SHA256:…</c>; <see langword="null"/> to trust those in <c>known_hosts</c>. SFTP stores only.</summary>
    public string? HostKeyFingerprint { get; init; }

    /// <summary>Called from any thread with problems in the background, such as values that cannot be written to disk. File stores only.</summary>
    public Action<string>? Warning { get; init; }

    /// <summary>Called from any thread when a request is repeated. The operation that made the request is still under way.</summary>
    public Action<StoreRetry>? Retried { get; init; }

    /// <summary>Whether only the user may be able to change the store, as for a cache: a folder that
    /// others can write to is refused, and links in it are not followed. File stores only.</summary>
    internal bool IsPrivate { get; init; }
}
