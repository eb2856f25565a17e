using BorgStore.Borg;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Session;

/// <summary>The right to use a store, which stays open until the lease is disposed.</summary>
internal sealed class StoreLease(StoreConnection connection, Store store, Func<ValueTask>? release = null) : IAsyncDisposable
{
    private Func<ValueTask>? _release = release;

    public StoreConnection Connection { get; } = connection;

    public Store Store { get; } = store;

    /// <summary>Converts information about an item to a pipeline object.</summary>
    public BorgStoreItem Describe(StoreItem item) => new(item, Connection.Handle);

    /// <summary>Returns the locks of the Borg 2 repository in the store.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.NotSupported"/> if there is none in it.</exception>
    public async Task<BorgLocks> FindBorgLocksAsync(CancellationToken cancellationToken)
        => await Store.FindBorgLocksAsync(cancellationToken)
            ?? throw new StoreException(StoreError.NotSupported,
                $"The store '{Store.Url}' is not a Borg 2 repository, and only these have locks. Check the URL.", Store.Url);

    /// <summary>Ends the lease, once. The last lease of a store that closes by itself flushes and closes it.</summary>
    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _release, null)?.Invoke() ?? ValueTask.CompletedTask;
}
