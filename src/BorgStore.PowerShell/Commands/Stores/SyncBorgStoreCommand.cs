using System.Diagnostics;
using System.Management.Automation;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;
using BorgStore.PowerShell.Views;
using BorgStore.Synchronization;

namespace BorgStore.PowerShell.Commands.Stores;

/// <summary>Makes a store equal to another one.</summary>
[Cmdlet(VerbsData.Sync, "BorgStore", SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreSyncResult), typeof(BorgStoreSyncSummary))]
public sealed class SyncBorgStoreCommand : ComparingCommand, ITransferCommand
{
    private JobRunner? _jobRunner;
    private long _copied;
    private long _deleted;
    private long _bytes;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? Store { get; set; }

    [Parameter(Mandatory = true, Position = 1)]
    [StoreReferenceTransformation]
    [ArgumentCompleter(typeof(StoreCompleter))]
    public StoreReference? DestinationStore { get; set; }

    [Parameter(HelpMessage = "Deletes items in the destination that the source lacks.")]
    public SwitchParameter Delete { get; set; }

    [Parameter(HelpMessage = "Compares the hash of each copy with that of the value that was read.")]
    public SwitchParameter Verify { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter(HelpMessage = "A file to which a line of JSON is appended for each item that is done or has failed.")]
    [ValidateNotNullOrEmpty]
    public string? LogPath { get; set; }

    [Parameter(HelpMessage = "The maximum rate of all transfers of this cmdlet together, in bytes per second, such as 2MB.")]
    [ValidateRange(1024, long.MaxValue)]
    public long MaxBytesPerSecond { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        // First, so that the log also has what is repeated while the stores are opened.
        _jobRunner = new(this, MyInvocation.MyCommand.Name, ForTransfers(new(ThrottleLimit) { FinishesJobs = true }), StopToken);
        var (source, destination) = (Lease(Store), Lease(DestinationStore));
        if (source.Store.Url == destination.Store.Url)
            throw new StoreException(StoreError.InvalidArgument, $"'{source.Store.Url}' is both the source and the destination. Specify another store as -DestinationStore.", source.Store.Url);
        if (!IsWhatIf) LockToRead(source);
        var start = Stopwatch.GetTimestamp();
        (_copied, _deleted, _bytes) = (0, 0, 0);
        var refused = 0;
        using var sync = new StoreSync(source.Store, destination.Store, new()
        {
            Comparison = ReadComparison(ContentCheck.Time),
            Deletes = Delete,
            IsVerified = Verify,
        });
        try
        {
            foreach (var phase in sync.Phases)
            {
                var before = sync.Compared;
                var progress = new PhaseProgress(Describe(phase)) { Compared = () => sync.Compared - before };
                var steps = new StepQueue(sync.PlanAsync(phase, StopToken), progress.SetTotal);
                _jobRunner.RunPhase(progress, steps.ReadAsync(StopToken), step => Begin(sync, step, destination));
            }
        }
        catch (StoreException e)
        {
            refused++;
            WriteError(e);
        }
        _jobRunner.Complete();
        FlushLeases();
        WriteObject(new BorgStoreSyncSummary(source.Store.Url, destination.Store.Url, sync.Compared,
            _copied, _deleted, sync.Failed + refused, _bytes, Stopwatch.GetElapsedTime(start)));
    }

    /// <inheritdoc/>
    protected override void Unwind() => _jobRunner?.Abandon();

    private static string Describe(SyncPhase phase) => $"{(phase.Deletes ? "deleting from" : "copying to")} {(phase.Namespace.Length == 0 ? "the store" : phase.Namespace)}";

    private void Begin(StoreSync sync, SyncStep step, StoreLease destination)
    {
        var name = step.IsDeleted ? $"{step.Name} (soft-deleted)" : step.Name;
        var change = step.Action == SyncAction.Delete ? RepositoryChange.Remove : RepositoryChange.Add;
        if (step.Failure is null && !ShouldChange(destination, change, step.Name, $"{step.Action} item", $"{name}, {ViewText.Size(step.Size)}, in {destination.Store.Url}"))
        {
            _jobRunner!.Phase.Skip(BytesOf(step));
            return;
        }
        var passThru = PassThru.IsPresent;
        _jobRunner!.Post(step.Name, async (output, token) =>
        {
            output.Expect(BytesOf(step));
            await sync.ApplyAsync(step, output.Limit, output.Move, token);
            if (step.Action == SyncAction.Delete)
            {
                Interlocked.Increment(ref _deleted);
            }
            else
            {
                Interlocked.Increment(ref _copied);
                Interlocked.Add(ref _bytes, step.Size);
            }
            if (passThru) await output.WriteAsync(new BorgStoreSyncResult(step.Name, $"{step.Action}", step.Size, step.IsDeleted, destination.Connection.Handle));
        });
    }

    // The bytes that the step moves, unless the storage does it by itself.
    private static long BytesOf(SyncStep step) => step.Action == SyncAction.Delete ? 0 : step.Size;
}
