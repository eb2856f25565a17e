using BorgStore.Backends;
using BorgStore.Server.Http;

namespace BorgStore.Server.Stores;

/// <summary>The only store of a server, at the root of its URL.</summary>
/// <param name="create">Creates a backend for it.</param>
/// <param name="options">The options of the server.</param>
internal sealed class SingleStore(Func<IBackend> create, ServerOptions options) : IStoreSource
{
    private readonly SharedBackend _store = new(create);

    /// <inheritdoc/>
    public StoreLease Find(string rawTarget, RequestIdentity identity) => new(new(_store, options.Permissions), new(rawTarget));

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => new([""]);

    /// <inheritdoc/>
    public string GetUrl(string name) => options.Backend;

    /// <inheritdoc/>
    public async ValueTask<QuotaInfo> GetQuotaAsync(string name, CancellationToken cancellationToken)
    {
        // Other storages than folders would be asked over the network, and have no quota of this server.
        if (options.Quota is null) return default;
        using var lease = await EnterAsync(cancellationToken);
        return await lease.Backend.GetQuotaAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        using var lease = await EnterAsync(cancellationToken);
        if (await lease.Backend.FindAsync("", cancellationToken) is null) throw new StoreException(StoreError.StoreDoesNotExist);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _store.DisposeAsync();

    private ValueTask<StoreAccess.Lease> EnterAsync(CancellationToken cancellationToken)
        => new StoreAccess(_store, permissions: null).EnterAsync(cancellationToken);
}
