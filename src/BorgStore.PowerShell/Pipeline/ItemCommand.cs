using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Base class of the cmdlets for items. Finds the store of each record and processes several items in parallel.</summary>
public abstract class ItemCommand : StoreCommand
{
    private bool _storeIsFixed;
    private bool _storeIsScript;
    private JobRunner? _jobRunner;
    private StoreLease? _fixedStore;
    private StoreReference? _driveStore;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 8;

    private protected JobRunner JobRunner => _jobRunner ??= CreateJobRunner(MyInvocation.MyCommand.Name);

    private protected virtual JobRunnerOptions JobRunnerOptions => new(ThrottleLimit);

    /// <summary>The names of the items, which may be paths on drives. These are replaced by full names before a record is processed.</summary>
    private protected abstract string[]? Names { get; set; }

    /// <summary>Whether any record was received, even one whose store could not be used.</summary>
    private protected bool HasInput { get; private set; }

    /// <summary>Whether input was left out, for example because its store cannot be used. The error was already reported.</summary>
    private protected bool LacksInput { get; private set; }

    /// <inheritdoc/>
    protected override void Begin()
    {
        _storeIsScript = IsScript(nameof(Store));
        _storeIsFixed = !_storeIsScript && MyInvocation.BoundParameters.ContainsKey(nameof(Store));
        if (_storeIsFixed) ThrowIfStoreIsEmpty(Store);
        _driveStore = ResolveNames();
        if (_driveStore is not null && (_storeIsFixed || _storeIsScript)) throw NamesAnotherStore();
        _ = JobRunner;
    }

    /// <inheritdoc/>
    protected sealed override void Process()
    {
        HasInput = true;
        if (_storeIsScript && Store is null)
        {
            WriteSkipError(new(StoreError.InvalidArgument, "The script block of -Store returned nothing for a record, so the record was skipped."));
            return;
        }
        if (TryLease() is { } store) Process(store);
    }

    /// <summary>Adds advice to the error of a job. May be called on any thread.</summary>
    private protected virtual Exception Explain(Exception exception, object target, string command) => exception;

    /// <summary>Called for each record, with its store.</summary>
    private protected abstract void Process(StoreLease store);

    /// <inheritdoc/>
    protected override void End()
    {
        JobRunner.Complete();
        if (JobRunnerOptions.FinishesJobs) FlushLeases();
    }

    /// <inheritdoc/>
    protected override void Unwind() => _jobRunner?.Abandon();

    /// <summary>Writes the error for input that is left out before any work on it begins.</summary>
    private protected void WriteSkipError(StoreException reason)
    {
        LacksInput = true;
        WriteError(reason);
    }

    private JobRunner CreateJobRunner(string command)
        => new(this, command, ForTransfers(JobRunnerOptions) with { Explain = (exception, target) => Explain(exception, target, command) }, StopToken);

    // Paths on drives name the store too. If they are arguments, they take precedence over the store of piped objects.
    private StoreLease? TryLease()
    {
        if (_driveStore is not null) return TryLease(_driveStore, isFixed: true);
        try
        {
            if (ResolveNames() is not { } drive) return TryLease(Store, _storeIsFixed);
            if (Store is null) return TryLease(drive, isFixed: false);
            WriteSkipError(NamesAnotherStore());
        }
        catch (StoreException e) when (e.Error == StoreError.InvalidName)
        {
            WriteSkipError(e);
        }
        return null;
    }

    private StoreReference? ResolveNames()
    {
        if (Session.Drives.Count == 0 || Names is not { Length: > 0 } names) return null;
        var found = Array.ConvertAll(names, FindOnDrive);
        if (Array.TrueForAll(found, place => place is null)) return null;
        var stores = found.Select(place => place?.Drive.Store).Distinct().ToList();
        if (stores is not [{ } store])
            throw new StoreException(StoreError.InvalidName, "The names are in several stores. Pipe them, so that each is looked up in its own.", names[0]);
        Names = Array.ConvertAll(found, place => place!.Value.Name);
        return StoreReference.To(store);
    }

    private static StoreException NamesAnotherStore() => new(StoreError.InvalidArgument,
        "The path on a drive already names the store. Omit -Store, or specify the name without the drive.");

    // An unusable store ends the command if it was given on the command line, but is only a record's error if it came with the record.
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
            WriteSkipError(e);
            return null;
        }
    }
}
