using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Restores soft-deleted items.</summary>
[Cmdlet(VerbsData.Restore, "BorgStoreItem", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class RestoreBorgStoreItemCommand : NamedItemCommand
{
    [Parameter(HelpMessage = "Replaces live items of the same names.")]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override bool TargetsDeleted => true;

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    private protected override void Process(StoreLease store, string name)
    {
        if (!ShouldChange(store, RepositoryChange.Add, name, "Restore item")) return;
        var (mode, passThru) = (Force ? StoreMode.Overwrite : StoreMode.CreateNew, PassThru.IsPresent);
        JobRunner.Post(name, async (output, token) =>
        {
            await store.Store.UndeleteAsync(name, mode, token);
            if (passThru) await output.WriteAsync(store.Describe(await store.Store.GetInfoAsync(name, cancellationToken: token)));
        });
    }
}
