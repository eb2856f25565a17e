namespace BorgStore.PowerShell.Session;

/// <summary>A way to access a store. A lease keeps the store open while it is in use.</summary>
internal abstract class StoreConnection
{
    protected StoreConnection(StoreOptions options)
    {
        Options = options;
        Handle = new(this, StoreUrl.Redact(options.Url));
    }

    /// <summary>The options with which the store was or will be opened. The URL may contain a secret.</summary>
    public StoreOptions Options { get; }

    /// <summary>The handle that items show as their store.</summary>
    public BorgStoreHandle Handle { get; }

    /// <summary>Whether the store closes with its last lease, without a user closing it.</summary>
    public abstract bool ClosesAutomatically { get; }

    /// <summary>Opens the store if necessary, and keeps it open until the lease is disposed.</summary>
    public abstract Task<StoreLease> LeaseAsync(CancellationToken cancellationToken);
}

/// <summary>A store that a user opened and that stays open until the user closes it.</summary>
internal sealed class OpenConnection(Store store, StoreOptions options) : StoreConnection(options)
{
    public Store Store { get; } = store;

    public override bool ClosesAutomatically => false;

    public override Task<StoreLease> LeaseAsync(CancellationToken cancellationToken)
        => Store.IsClosed
            ? throw new StoreException(StoreError.StoreNotOpen, $"The store '{Store.Url}' is closed. Open-BorgStore opens it again.", Store.Url)
            : Task.FromResult(new StoreLease(this, Store));
}
