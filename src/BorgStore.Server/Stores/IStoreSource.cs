using BorgStore.Backends;
using BorgStore.Server.Http;

namespace BorgStore.Server.Stores;

/// <summary>The stores of a server.</summary>
internal interface IStoreSource : IAsyncDisposable
{
    /// <summary>Finds the store of a request.</summary>
    /// <param name="rawTarget">The target of the request.</param>
    /// <param name="identity">The user; receives the name of the store.</param>
    StoreLease Find(string rawTarget, RequestIdentity identity);

    /// <summary>Lists the names of all stores; <c>""</c> for the only one of a server.</summary>
    ValueTask<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Returns the URL of a store.</summary>
    /// <param name="name">Its name.</param>
    string GetUrl(string name);

    /// <summary>Gets the quota that this server gives a store. Its usage is known only while the store is open.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    ValueTask<QuotaInfo> GetQuotaAsync(string name, CancellationToken cancellationToken);

    /// <summary>Reaches the storage, or throws.</summary>
    Task CheckAsync(CancellationToken cancellationToken);
}
