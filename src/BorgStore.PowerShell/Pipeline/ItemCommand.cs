using System.Management.Automation;

namespace BorgStore.Commands;

/// <summary>What the cmdlets on items have in common: the store of each record, and many items at a time.</summary>
public abstract class ItemCommand : StoreCommand
{
    private bool _storeIsFixed;
    private bool _storeIsScript;
    private Pump? _pump;
    private StoreLease? _fixedStore;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 8;

    private protected Pump Pump => _pump ??= MakePump(MyInvocation.MyCommand.Name);

    private protected virtual PumpOptions PumpOptions => new(ThrottleLimit);

    /// <summary>Whether a record came, if only one without a store.</summary>
    private protected bool HasInput { get; private set; }

    /// <summary>Whether something was left out of what came, as with a store that cannot be used, which is reported already.</summary>
    private protected bool LacksInput { get; private set; }

    /// <inheritdoc/>
    protected override void Begin()
    {
        _storeIsScript = IsScript(nameof(Store));
        _storeIsFixed = !_storeIsScript && MyInvocation.BoundParameters.ContainsKey(nameof(Store));
        if (_storeIsFixed) RefuseEmptyStore(Store);
        _ = Pump;
    }

    /// <inheritdoc/>
    protected sealed override void Process()
    {
        HasInput = true;
        if (_storeIsScript && Store is null)
        {
            LeaveOut(new(StoreError.InvalidArgument, "The script block of -Store returned nothing for a record, which was left out."));
            return;
        }
        if (TryLease(Store, _storeIsFixed) is { } store) Process(store);
    }

    /// <summary>Makes the error of a job clearer. Called on any thread.</summary>
    private protected virtual Exception Explain(Exception exception, object target, string command) => exception;

    /// <summary>Called for each record, with its store.</summary>
    private protected abstract void Process(StoreLease store);

    /// <inheritdoc/>
    protected override void End()
    {
        Pump.Complete();
        if (PumpOptions.FinishesJobs) FlushLeases();
    }

    /// <inheritdoc/>
    protected override void Unwind() => _pump?.Abandon();

    /// <summary>Writes the error of something that is left out before any work on it begins.</summary>
    private protected void LeaveOut(StoreException reason)
    {
        LacksInput = true;
        WriteError(reason);
    }

    private Pump MakePump(string command)
        => new(this, command, PumpOptions with { Explain = (exception, target) => Explain(exception, target, command) }, StopToken);

    // A wrong store on the command line ends the command, one of a record is the error of that record.
    private StoreLease? TryLease(StoreReference? reference, bool isFixed)
    {
        if (_fixedStore is { } known && (isFixed || reference is null)) return known;
        try
        {
            var lease = Lease(reference);
            if (isFixed || reference is null) _fixedStore = lease;
            return lease;
        }
        catch (StoreException e) when (!isFixed && reference is not null)
        {
            LeaveOut(e);
            return null;
        }
    }
}
