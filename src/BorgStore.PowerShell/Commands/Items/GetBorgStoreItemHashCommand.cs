using System.Management.Automation;
using BorgStore.Hashing;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Computes hashes of values, on the storage itself if it can.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreItemHash")]
[OutputType(typeof(BorgStoreItemHash))]
public sealed class GetBorgStoreItemHashCommand : SelectedItemCommand
{
    private HashKind _kind = HashKind.Sha256;

    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AlgorithmCompleter))]
    public string Algorithm { get; set; } = HashKind.Sha256.DisplayName;

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { IsOrdered = true, Waiting = 4 * ThrottleLimit };

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        _kind = HashKind.Parse(Algorithm);
    }

    private protected override void Process(StoreLease store, string name)
    {
        var (deleted, kind) = (Deleted.IsPresent, _kind);
        JobRunner.Post(name, async (output, token) => await output.WriteAsync(new BorgStoreItemHash(
            kind.DisplayName, await store.Store.HashAsync(name, kind, deleted, token), name, deleted, store.Connection.Handle)));
    }
}
