namespace BorgStore.PowerShell.Session;

/// <summary>The store that a pipeline object comes from. Its only public property is the URL
/// without secrets, so that such objects convert to JSON and CSV.</summary>
public sealed class BorgStoreHandle
{
    internal BorgStoreHandle(StoreConnection connection, string uri) => (Connection, Uri) = (connection, uri);

    /// <summary>The URL, without its password.</summary>
    public string Uri { get; }

    internal StoreConnection Connection { get; }

    /// <inheritdoc/>
    public override string ToString() => Uri;
}
