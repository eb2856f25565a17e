namespace BorgStore.Commands;

/// <summary>The store that an object of the pipeline comes from. Shows its URL without secrets and nothing else, so that such objects
/// convert to JSON and CSV.</summary>
public sealed class BorgStoreHandle
{
    internal BorgStoreHandle(StoreConnection connection, string uri) => (Connection, Uri) = (connection, uri);

    /// <summary>The URL, without its password.</summary>
    public string Uri { get; }

    internal StoreConnection Connection { get; }

    /// <inheritdoc/>
    public override string ToString() => Uri;
}
