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

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = 8;

    private protected JobRunner JobRunner => _jobRunner ??= CreateJobRunner(MyInvocation.MyCommand.Name);

    private protected virtual JobRunnerOptions JobRunnerOptions => new(ThrottleLimit);

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
        if (TryLease(Store, _storeIsFixed) is { } store) Process(store);
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
        => new(this, command, JobRunnerOptions with { Explain = (exception, target) => Explain(exception, target, command) }, StopToken);

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
