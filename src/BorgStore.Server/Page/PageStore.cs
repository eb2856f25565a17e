using BorgStore.Backends;

namespace BorgStore.Server.Page;

/// <summary>A store on the page, with what is counted and verified of it in the background.</summary>
/// <param name="name">Its name in requests; <c>""</c> for the only store of a server.</param>
/// <param name="title">The name to show.</param>
/// <param name="getQuota">Gets its quota.</param>
/// <param name="count">Counts it.</param>
/// <param name="verification">Verifies it.</param>
internal sealed class PageStore(string name, string title, Func<CancellationToken, ValueTask<QuotaInfo>> getQuota, StoreCount count, StoreVerification verification)
{
    /// <summary>Its name in requests.</summary>
    public string Name => name;

    /// <summary>Counts it.</summary>
    public StoreCount Count => count;

    /// <summary>Verifies it.</summary>
    public StoreVerification Verification => verification;

    /// <summary>Returns how it stands.</summary>
    public async ValueTask<StoreView> GetAsync(CancellationToken cancellationToken)
        => new(name, title, await FindQuotaAsync(cancellationToken), CountView.Of(count), verification.Get(withFindings: false));

    private async ValueTask<QuotaView?> FindQuotaAsync(CancellationToken cancellationToken)
    {
        try
        {
            var quota = await getQuota(cancellationToken);
            return quota.Limit is null ? null : new(quota.Limit, quota.Used);
        }
        catch (StoreException)
        {
            // The count says why the store can't be opened.
            return null;
        }
    }
}
