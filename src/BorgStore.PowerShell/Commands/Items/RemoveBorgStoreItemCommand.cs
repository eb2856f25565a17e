using System.Management.Automation;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Deletes items, either permanently or so that they can be restored.</summary>
[Cmdlet(VerbsCommon.Remove, "BorgStoreItem", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class RemoveBorgStoreItemCommand : SelectedItemCommand
{
    [Parameter(HelpMessage = "Marks the items as deleted, so that Restore-BorgStoreItem can restore them.")]
    public SwitchParameter Soft { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    // Only listed items have it: they are known to exist, and at which level.
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public int? Level { get; set; }

    private DeleteBatch? _batch;

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    /// <inheritdoc/>
    protected override void End()
    {
        _batch?.Send();
        base.End();
    }

    private protected override void Process(StoreLease store, string name)
    {
        var (deleted, soft, passThru) = (Deleted.IsPresent, Soft.IsPresent, PassThru.IsPresent);
        if (deleted && soft)
        {
            WriteError(new StoreException(StoreError.InvalidArgument,
                $"'{name}' is soft-deleted already. Omit -Soft to remove it permanently, or use Restore-BorgStoreItem to restore it.", name));
            return;
        }
        var action = soft ? "Soft-delete item" : deleted ? "Remove soft-deleted item for good" : "Remove item for good";
        // Borg soft-deletes archives beside other clients.
        var change = soft && name.StartsWith("archives/", StringComparison.Ordinal) ? RepositoryChange.Add : RepositoryChange.Remove;
        if (!ShouldChange(store, change, name, action)) return;
        if (Level is { } level && !soft && !passThru && store.Store.DeleteBatchSize > 1)
        {
            (_batch ??= new(JobRunner)).Add(store, new(name, "", 0, deleted, level));
            return;
        }
        JobRunner.Post(name, async (output, token) =>
        {
            var item = passThru && !soft ? await store.Store.GetInfoAsync(name, deleted, token) : default;
            if (soft) await store.Store.SoftDeleteAsync(name, token);
            else await store.Store.DeleteAsync(name, deleted, token);
            if (!passThru) return;
            if (soft) item = await store.Store.GetInfoAsync(name, deleted: true, token);
            await output.WriteAsync(store.Describe(item));
        });
    }
}
