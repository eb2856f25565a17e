namespace BorgStore.Commands;

/// <summary>A way to a store. Whoever uses the store holds a lease as long as that takes.</summary>
internal abstract class StoreConnection
{
    protected StoreConnection(StoreOptions options)
    {
        Options = options;
        Handle = new(this, StoreUrl.Redact(options.Url));
    }

    /// <summary>How the store was opened, or is on demand. The URL may hold a secret.</summary>
    public StoreOptions Options { get; }

    /// <summary>What items show of their store.</summary>
    public BorgStoreHandle Handle { get; }

    /// <summary>Whether nobody needs to be told of the store's end: it closes with its last lease.</summary>
    public abstract bool ClosesByItself { get; }

    /// <summary>Makes sure that the store is open, until the lease is disposed.</summary>
    public abstract Task<StoreLease> LeaseAsync(CancellationToken cancellationToken);
}
