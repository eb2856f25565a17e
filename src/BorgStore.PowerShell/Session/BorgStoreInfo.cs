using BorgStore.Layout;
using BorgStore.Security;

namespace BorgStore.Commands;

/// <summary>A store that was opened with <c>Open-BorgStore</c> or <c>New-BorgStore</c>.</summary>
public sealed class BorgStoreInfo
{
    internal BorgStoreInfo(OpenConnection connection) => Connection = connection;

    /// <summary>The URL, without its password.</summary>
    public string Uri => Connection.Store.Url;

    /// <summary>Whether it is open still.</summary>
    public bool IsOpen => !Connection.Store.IsClosed;

    /// <summary>Whether cmdlets without <c>-Store</c> use it although others are open.</summary>
    public bool IsDefault { get; internal set; }

    /// <summary>The namespaces and their levels.</summary>
    public IReadOnlyList<NamespaceLayout> Namespace => Connection.Store.Layout.Namespaces;

    /// <summary>When values are safe from a power cut.</summary>
    public Durability Durability => Connection.Options.Durability;

    /// <summary>What may be done under which names; <see langword="null"/> for everything.</summary>
    public PermissionMap? Permission => Connection.Options.Permissions;

    /// <summary>The most bytes that all values together may have; <see langword="null"/> where none was set as it was opened.</summary>
    public long? Quota => Connection.Options.Quota;

    /// <summary>Where values are cached, without its password; <see langword="null"/> for nowhere.</summary>
    public string? CacheUri => Connection.Options.CacheUrl is { } url ? StoreUrl.Redact(url) : null;

    internal OpenConnection Connection { get; }

    /// <inheritdoc/>
    public override string ToString() => Uri;
}
