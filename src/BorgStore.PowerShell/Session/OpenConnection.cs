namespace BorgStore.Commands;

/// <summary>A store that a user opened and that stays open until the user closes it.</summary>
internal sealed class OpenConnection(Store store, StoreOptions options) : StoreConnection(options)
{
    public Store Store { get; } = store;

    public override bool ClosesByItself => false;

    public override Task<StoreLease> LeaseAsync(CancellationToken cancellationToken)
        => Store.IsClosed
            ? throw new StoreException(StoreError.StoreNotOpen, $"The store '{Store.Url}' is closed. Open-BorgStore opens it again.", Store.Url)
            : Task.FromResult(new StoreLease(this, Store));
}
