using BorgStore.Layout;

namespace BorgStore.PowerShell.Session;

/// <summary>A store named by its URL. The first lease opens it, the last one flushes and closes it, and the next one opens it again.</summary>
internal sealed class UrlConnection(StoreOptions options) : StoreConnection(options)
{
    private readonly SemaphoreSlim _lock = new(1, 1);
    private Store? _store;
    private StoreLayout? _layout;
    private int _leases;

    public override bool ClosesAutomatically => true;

    /// <summary>Makes the next lease detect the layout again.</summary>
    public void ForgetLayout() => _layout = null;

    public override async Task<StoreLease> LeaseAsync(CancellationToken cancellationToken)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            // The layout is remembered, because detecting that of a large store takes longer than most commands.
            _store ??= await Store.OpenAsync(Options with { RecalledLayout = _layout }, cancellationToken);
            _layout = _store.RecallableLayout;
            _leases++;
            return new(this, _store, ReleaseAsync);
        }
        finally
        {
            _lock.Release();
        }
    }

    private async ValueTask ReleaseAsync()
    {
        await _lock.WaitAsync();
        try
        {
            if (--_leases > 0 || _store is not { } store) return;
            _store = null;
            _layout = store.RecallableLayout;
            await store.DisposeAsync();
        }
        finally
        {
            _lock.Release();
        }
    }
}
