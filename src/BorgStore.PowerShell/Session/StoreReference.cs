using System.Management.Automation;

namespace BorgStore.PowerShell.Session;

/// <summary>The type of <c>-Store</c>: an open store, the <c>Store</c> property of an item, or a URL.</summary>
public sealed class StoreReference
{
    private StoreReference(StoreConnection? connection, string? url) => (Connection, Url) = (connection, url);

    internal StoreConnection? Connection { get; }

    internal string? Url { get; }

    /// <inheritdoc/>
    public override string ToString() => Connection?.Handle.Uri ?? StoreUrl.Redact(Url!);

    internal static StoreReference To(BorgStoreInfo store) => new(store.Connection, null);

    /// <summary>Creates a stand-in for a rejected argument, which refers to no store.</summary>
    internal static StoreReference CreateStandIn() => new(null, "");

    internal static bool TryFrom(object? value, out StoreReference? reference)
    {
        var plain = value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;
        reference = plain switch
        {
            StoreReference same => same,
            BorgStoreInfo store => To(store),
            BorgStoreHandle handle => new(handle.Connection, null),
            string { Length: > 0 } url => new(null, url),
            // An item that was converted from JSON.
            PSObject custom when custom.Properties["Uri"]?.Value is string { Length: > 0 } url => new(null, url),
            _ => null,
        };
        return reference is not null || plain is null or "";
    }
}
