using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Removes temporary files left by crashes.</summary>
[Cmdlet(VerbsCommon.Clear, "BorgStoreTemporary", SupportsShouldProcess = true)]
[OutputType(typeof(TemporaryItem))]
public sealed class ClearBorgStoreTemporaryCommand : WholeStoreCommand
{
    [Parameter(Position = 0, HelpMessage = "The minimum time since the last write to a file; one day by default.")]
    [TimeTransformation]
    public TimeSpan OlderThan { get; set; } = TimeSpan.FromDays(1);

    private protected override void Process(StoreLease store)
    {
        foreach (var item in store.Store.ListTemporaryAsync(OlderThan, StopToken).ToBlockingEnumerable(StopToken))
        {
            var target = $"{item.Id} ({item.Size} bytes, last written to {item.LastWriteTime.ToLocalTime():g})";
            if (!ShouldChange(store, RepositoryChange.Remove, item.Id, "Remove left-over file", target)) continue;
            try
            {
                if (Wait(async token => await store.Store.DeleteTemporaryAsync(item, token))) WriteObject(item);
            }
            catch (StoreException e)
            {
                WriteError(e, item.Id);
            }
        }
    }
}
