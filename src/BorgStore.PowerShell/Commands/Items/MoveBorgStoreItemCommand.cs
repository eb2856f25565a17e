using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Renames items, or moves them to another namespace or to the nesting level of new items.</summary>
[Cmdlet(VerbsCommon.Move, "BorgStoreItem", DefaultParameterSetName = ToDestination, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreItem))]
public sealed class MoveBorgStoreItemCommand : RelocatingCommand
{
    private const string ToDestination = "Destination";
    private const string ToLevel = "ChangeLevel";

    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ToDestination, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NameCompleter))]
    public string? Destination { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ToLevel)]
    public SwitchParameter ChangeLevel { get; set; }

    private protected override string? Target
    {
        get => Destination;
        set => Destination = value;
    }

    private protected override void Relocate(StoreLease store, string name, string newName, bool deleted)
    {
        if (FindDestination(store) is var target && target != store)
        {
            WriteError(new StoreException(StoreError.InvalidArgument,
                $"'{name}' was not moved: the destination is in another store, {target.Store.Url}. Use Copy-BorgStoreItem, and then Remove-BorgStoreItem.", name));
            return;
        }
        var (mode, passThru, changesLevel) = (Mode, PassThru.IsPresent, ChangeLevel.IsPresent);
        var isWanted = changesLevel
            ? ShouldChange(store, RepositoryChange.Remove, name, "Move item to the level of new items")
            : ShouldChange(store, RepositoryChange.Remove, name, "Move item", $"{name} to {newName}");
        if (!isWanted) return;
        JobRunner.Post(name, async (output, token) =>
        {
            if (changesLevel) await store.Store.ChangeLevelAsync(name, deleted, token);
            else await store.Store.MoveAsync(name, newName, mode, deleted, token);
            if (passThru) await output.WriteAsync(store.Describe(await store.Store.GetInfoAsync(newName, deleted, token)));
        });
    }
}
