using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Drive;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of the cmdlets that move and copy. Finds the destination of each
/// item and prevents two items from going to the same one.</summary>
public abstract class RelocatingCommand : SelectedItemCommand
{
    private readonly HashSet<string> _replaced = new(StringComparer.Ordinal);
    private (StoreLease Store, string Name, bool Deleted)? _only;
    private bool _isOnePlace;
    private bool _driveIsFixed;
    private BorgStoreDriveInfo? _drive;

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { FinishesJobs = true };

    private protected StoreMode Mode => Force ? StoreMode.Overwrite : StoreMode.CreateNew;

    /// <summary>The value of <c>-Destination</c> for this record, or null to keep the name.</summary>
    private protected abstract string? Target { get; set; }

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        _driveIsFixed = ResolveTarget();
        _isOnePlace = Target is { } target && !target.EndsWith('/');
    }

    private protected override void Process(StoreLease store, string name)
    {
        if (!_driveIsFixed) ResolveTarget();
        // If the destination is one full name, the first item waits until it is certain to be the only one.
        if (_isOnePlace && _only is null)
        {
            _only = (store, name, Deleted);
            return;
        }
        if (_isOnePlace || (Name.Length > 1 && Target is { } target && !target.EndsWith('/')))
            throw new StoreException(StoreError.InvalidArgument,
                $"More than one item would go to '{Target}', so none did. For a namespace, end the destination in '/'; to derive new names from the old ones, pipe the items and use a script block: -Destination {{ $_.Name -replace 'old', 'new' }}.",
                Target);
        Relocate(store, name, Deleted);
    }

    /// <inheritdoc/>
    protected override void End()
    {
        if (_only is var (store, name, deleted)) Relocate(store, name, deleted);
        base.End();
    }

    /// <summary>Returns the store to which items of a store go.</summary>
    private protected virtual StoreLease FindDestination(StoreLease store) => _drive is null ? store : Lease(StoreReference.To(_drive.Store));

    /// <summary>Starts to move or copy an item.</summary>
    private protected abstract void Relocate(StoreLease store, string name, string newName, bool deleted);

    // A path on a drive names the store of the destination too.
    private bool ResolveTarget()
    {
        _drive = null;
        if (Target is not { Length: > 0 } given || FindOnDrive(given) is not var (drive, name)) return false;
        (_drive, Target) = (drive, name);
        return true;
    }

    private void Relocate(StoreLease store, string name, bool deleted)
    {
        if (Target is { Length: > 0 } given && !given.EndsWith('/') && FindDestination(store).Store.Layout.FindNamespace(given) is not null)
            throw new StoreException(StoreError.InvalidArgument,
                $"'{given}' is a namespace. To put items into it under their own keys, write '{given}/'; a new name is '{given}/' and a key.", given);
        var newName = Target switch
        {
            null => name,
            var target when target.EndsWith('/') => (target == "/" ? "" : target) + store.Store.Layout.KeyOf(name),
            var target => target,
        };
        // Without -Force, the storage itself rejects the second item.
        if (Force && !_replaced.Add(newName))
        {
            WriteError(new StoreException(StoreError.InvalidArgument,
                $"'{name}' was left where it is: another item went to '{newName}' just before and would be overwritten.", name));
            return;
        }
        Relocate(store, name, newName, deleted);
    }
}
