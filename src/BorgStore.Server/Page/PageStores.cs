using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Security;

namespace BorgStore.Server.Page;

/// <summary>What is counted and verified of stores in the background. It is in memory, so it ends with the server.</summary>
/// <remarks>One store is counted at a time and one is verified, so that the clients of the others feel little of it.</remarks>
internal sealed class PageStores : IAsyncDisposable
{
    private static readonly PermissionMap ReadOnly = new([new("", "lr")]);

    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _counting = new(1);
    private readonly SemaphoreSlim _verifying = new(1);
    private readonly ConcurrentDictionary<string, PageStore> _stores = [];

    /// <summary>Returns a store.</summary>
    /// <param name="name">Its name in requests.</param>
    /// <param name="title">The name to show.</param>
    /// <param name="url">Its URL.</param>
    /// <param name="getQuota">Gets its quota.</param>
    public PageStore Get(string name, string title, string url, Func<CancellationToken, ValueTask<QuotaInfo>> getQuota)
        => _stores.GetOrAdd(name, _ => new(name, title, getQuota,
            new(() => new ExplainingBackend(BackendFactory.Create(url, new() { Permissions = ReadOnly }), displayUrl: null), _counting, _stopping.Token),
            new(cancellationToken => Store.OpenAsync(new(url) { Permissions = ReadOnly }, cancellationToken), _verifying, _stopping.Token)));

    /// <summary>Forgets the stores that no longer exist.</summary>
    /// <param name="names">The names of all stores.</param>
    public void Keep(IReadOnlySet<string> names)
    {
        foreach (var name in _stores.Keys)
            if (!names.Contains(name) && _stores.TryRemove(name, out var removed)) removed.Verification.Stop();
    }

    /// <summary>Stops what runs in the background.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_stores.Values.SelectMany(store => new[] { store.Count.Completion, store.Verification.Completion }));
        _stopping.Dispose();
        _counting.Dispose();
        _verifying.Dispose();
    }
}
