namespace BorgStore.Commands;

/// <summary>The right to use a store, which stays open meanwhile.</summary>
internal sealed class StoreLease(StoreConnection connection, Store store, Func<ValueTask>? release = null) : IAsyncDisposable
{
    private Func<ValueTask>? _release = release;

    public StoreConnection Connection { get; } = connection;

    public Store Store { get; } = store;

    /// <summary>What is known of an item, as the pipeline sees it.</summary>
    public BorgStoreItem Describe(StoreItem item) => new(item, Connection.Handle);

    /// <summary>Gives the lease back; again has no effect. The last lease closes a store that closes by itself, flushed.</summary>
    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _release, null)?.Invoke() ?? ValueTask.CompletedTask;
}
