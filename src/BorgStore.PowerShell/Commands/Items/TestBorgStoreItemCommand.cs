using System.Collections.Concurrent;
using System.Management.Automation;
using BorgStore.Hashing;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;
using BorgStore.Verification;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Checks whether items exist, or whether the hashes of their values match their keys.</summary>
[Cmdlet(VerbsDiagnostic.Test, "BorgStoreItem")]
[OutputType(typeof(bool), typeof(BorgStoreItemIntegrity))]
public sealed class TestBorgStoreItemCommand : SelectedItemCommand
{
    private readonly ConcurrentDictionary<Store, DigestAlgorithmDetector> _detectors = [];
    private HashKind? _kind;

    [Parameter(HelpMessage = "Compares the hash of each value with its key.")]
    public SwitchParameter Integrity { get; set; }

    // Implies -Integrity, because it has no other use.
    [Parameter(HelpMessage = "The algorithm of the keys; implies -Integrity.")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AlgorithmCompleter))]
    public string? Algorithm { get; set; }

    private protected override JobRunnerOptions JobRunnerOptions => new(ThrottleLimit) { IsOrdered = true, Waiting = 4 * ThrottleLimit };

    /// <inheritdoc/>
    protected override void Begin()
    {
        base.Begin();
        if (Algorithm is not null) _kind = HashKind.Parse(Algorithm);
    }

    private protected override void Process(StoreLease store, string name)
    {
        var deleted = Deleted.IsPresent;
        if (Integrity || _kind is not null)
        {
            JobRunner.Post(name, async (output, token) => await output.WriteAsync(await CheckAsync(store, name, deleted, token)));
            return;
        }
        var command = MyInvocation.MyCommand.Name;
        JobRunner.Post(name, async (output, token) =>
        {
            var exists = await store.Store.FindAsync(name, deleted, token) is not null;
            if (!exists && WildcardPattern.ContainsWildcardCharacters(name)) await output.WarnAsync(DescribeWildcards(name, command));
            await output.WriteAsync(exists);
        });
    }

    private async Task<BorgStoreItemIntegrity> CheckAsync(
        StoreLease store, string name, bool deleted, CancellationToken cancellationToken)
    {
        var detector = _detectors.GetOrAdd(store.Store, static store => new(store));
        var expected = store.Store.Layout.KeyOf(name);
        var candidates = _kind is { } given ? [given] : await detector.GetCandidatesAsync(name, cancellationToken);
        var digests = new Dictionary<HashKind, string>();
        foreach (var kind in candidates)
        {
            digests[kind] = await store.Store.HashAsync(name, kind, deleted, cancellationToken);
            if (digests[kind] != expected) continue;
            detector.Remember(name, kind);
            return Result(true, kind, expected);
        }
        var likely = await detector.GuessAsync(name, candidates, cancellationToken);
        return Result(false, likely, digests[likely]);

        BorgStoreItemIntegrity Result(bool valid, HashKind kind, string digest)
            => new(name, valid, kind.DisplayName, expected, digest, deleted, store.Connection.Handle);
    }
}
