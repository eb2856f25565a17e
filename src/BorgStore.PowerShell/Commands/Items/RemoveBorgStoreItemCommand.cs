using System.Management.Automation;
using BorgStore.PowerShell.Binding;
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

    [Parameter(HelpMessage = "With -Deleted: removes only items that were soft-deleted at least this long ago.")]
    [TimeTransformation]
    public TimeSpan OlderThan { get; set; }

    // Likewise; empty if the storage does not know it, and a text after a round trip through CSV. An object, because Wine's runtime ends when
    // PowerShell sets a parameter of the type DateTime?.
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public object? DeletedTime { get; set; }

    private DeleteBatch? _batch;
    private bool _isByAge;
    private int _undated;
    private string _firstUndated = "";

    private DateTime? ListedTime
        => DeletedTime is not "" && LanguagePrimitives.TryConvertTo<DateTime>(DeletedTime, out var time) && time != default ? time : null;

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        _isByAge = MyInvocation.BoundParameters.ContainsKey(nameof(OlderThan));
        if (OlderThan < TimeSpan.Zero)
            throw new StoreException(StoreError.InvalidArgument, $"-OlderThan is {OlderThan}, which is negative. Give the time since the soft deletion, such as 30d.");
        if (_isByAge && Soft)
            throw new StoreException(StoreError.InvalidArgument, "-OlderThan removes soft-deleted items for good, and -Soft makes items soft-deleted. Specify only one of them.");
    }

    /// <inheritdoc/>
    protected override void End()
    {
        _batch?.Send();
        base.End();
        if (_undated > 0)
            WriteWarning($"Soft-deleted items that were kept, because their storage does not know when they were deleted: {_undated} (the first is '{_firstUndated}'). Select items by another property, such as LastWriteTime, and remove them without -OlderThan.");
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
        if (_isByAge && !IsOldEnough(store, name)) return;
        var action = soft ? "Soft-delete item" : deleted ? "Remove soft-deleted item for good" : "Remove item for good";
        var change = soft ? RepositoryChanges.OfSoftDeletion(name) : RepositoryChange.Remove;
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

    private bool IsOldEnough(StoreLease store, string name)
    {
        if (!Deleted)
        {
            WriteError(new StoreException(StoreError.InvalidArgument,
                $"'{name}' was not removed: -OlderThan is the time since a soft deletion. Use it with -Deleted, or pipe the output of Get-BorgStoreItem -Deleted.", name));
            return false;
        }
        try
        {
            // A listing knows as much as a look at the item.
            var deletedTime = ListedTime ?? (Level is null ? Wait(async token => await store.Store.GetInfoAsync(name, deleted: true, token)).DeletedTime : null);
            if (deletedTime is { } time) return DateTime.UtcNow - time.ToUniversalTime() >= OlderThan;
            if (_undated++ == 0) _firstUndated = name;
        }
        catch (StoreException e)
        {
            WriteError(Explain(e, name, MyInvocation.MyCommand.Name), name);
        }
        return false;
    }
}
