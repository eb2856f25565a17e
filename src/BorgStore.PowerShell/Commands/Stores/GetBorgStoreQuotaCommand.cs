using System.Management.Automation;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Gets the quota of a store.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreQuota")]
[OutputType(typeof(BorgStoreQuota))]
public sealed class GetBorgStoreQuotaCommand : WholeStoreCommand
{
    private protected override void Process(StoreLease store)
    {
        var quota = Wait(async token => await store.Store.GetQuotaAsync(token));
        WriteObject(new BorgStoreQuota(quota.Limit, quota.Used, quota.Available, store.Connection.Handle));
    }
}
