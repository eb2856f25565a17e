namespace BorgStore.Commands;

/// <summary>A store that was named by its URL: opened by the first lease, flushed and closed with the last, opened again by the next.</summary>
internal sealed class UrlConnection(StoreOptions options) : StoreConnection(options)
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Store? _store;
    private int _leases;

    public override bool ClosesByItself => true;

    public override async Task<StoreLease> LeaseAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _store ??= await Store.OpenAsync(Options, cancellationToken);
            _leases++;
            return new(this, _store, ReleaseAsync);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask ReleaseAsync()
    {
        await _turn.WaitAsync();
        try
        {
            if (--_leases > 0 || _store is not { } store) return;
            _store = null;
            await store.DisposeAsync();
        }
        finally
        {
            _turn.Release();
        }
    }
}
