using BorgStore.Layout;
using BorgStore.Security;

namespace BorgStore.PowerShell.Session;

/// <summary>A store that was opened with <c>Open-BorgStore</c> or <c>New-BorgStore</c>.</summary>
public sealed class BorgStoreInfo
{
    internal BorgStoreInfo(OpenConnection connection) => Connection = connection;

    /// <summary>The URL, without its password.</summary>
    public string Uri => Connection.Store.Url;

    /// <summary>Whether the store is still open.</summary>
    public bool IsOpen => !Connection.Store.IsClosed;

    /// <summary>Whether cmdlets without <c>-Store</c> use this store even if others are open.</summary>
    public bool IsDefault { get; internal set; }

    /// <summary>The namespaces and their levels.</summary>
    public IReadOnlyList<NamespaceLayout> Namespace => Connection.Store.Layout.Namespaces;

    /// <summary>When stored values survive a power failure.</summary>
    public Durability Durability => Connection.Options.Durability;

    /// <summary>The rights by path, or <see langword="null"/> if everything is allowed.</summary>
    public PermissionMap? Permission => Connection.Options.Permissions;

    /// <summary>The maximum total size of all values [bytes], or <see langword="null"/> if none was set when the store was opened.</summary>
    public long? Quota => Connection.Options.Quota;

    /// <summary>The URL of the cache, without its password, or <see langword="null"/> if there is none.</summary>
    public string? CacheUri => Connection.Options.CacheUrl is { } url ? StoreUrl.Redact(url) : null;

    internal OpenConnection Connection { get; }

    /// <inheritdoc/>
    public override string ToString() => Uri;
}
