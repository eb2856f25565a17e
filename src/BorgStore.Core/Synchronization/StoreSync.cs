using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Synchronization;

/// <summary>Makes a store equal to another one. Each run compares the two stores first, so that it also completes an interrupted one.</summary>
/// <remarks>
/// <para>Copies come first, one namespace after another, then deletions in the reverse order, so that nothing refers to an item that is not there yet,
/// or not any more. In a Borg 2 repository, archives refer to index and packs, and so come last.</para>
/// <para>Items that refer to others are listed before those. An archive that is written to the source during the run is therefore copied by the next
/// run, and never without its packs.</para>
/// </remarks>
public sealed class StoreSync : IDisposable
{
    // Items come before those that refer to them, and cache/chunkindex-invalid, by which Borg distrusts the index, before the index. Locks are left
    // out: they belong to the users of the source.
    private static readonly string[] BorgOrder = ["packs", "data", "cache", "index", "keys", "config", "archives"];
    private const string BorgLocks = "locks";

    private readonly Store _source;
    private readonly Store _destination;
    private readonly SyncOptions _options;
    private readonly StoreComparison _comparison;
    private readonly bool _isBorg;
    private readonly Dictionary<string, SortedListing> _captured = [];
    private readonly HashSet<string> _superfluous = [];
    private bool _isCaptured;
    private long _failed;

    /// <summary>Prepares a synchronisation.</summary>
    /// <param name="source">The store to copy from.</param>
    /// <param name="destination">The store to change.</param>
    /// <param name="options">What to synchronise, and how.</param>
    public StoreSync(Store source, Store destination, SyncOptions? options = null)
    {
        (_source, _destination, _options) = (source, destination, options ?? new());
        _comparison = new(source, destination, _options.Comparison with { IncludesEqual = false });
        _isBorg = source.Layout == StoreLayout.Borg2;
        string[] order = _isBorg
            ? [.. _comparison.Namespaces.Where(ns => ns != BorgLocks).OrderBy(ns => Array.IndexOf(BorgOrder, ns))]
            : [.. _comparison.Namespaces];
        foreach (var ns in order) ThrowIfNoPlaceFor(ns);
        Phases = [.. order.Select(ns => new SyncPhase(ns, Deletes: false)),
            .. _options.Deletes ? Enumerable.Reverse(order).Select(ns => new SyncPhase(ns, Deletes: true)) : []];
    }

    /// <summary>The phases, to be carried out in this order.</summary>
    public IReadOnlyList<SyncPhase> Phases { get; }

    /// <summary>The number of names compared so far.</summary>
    public long Compared => _comparison.Compared;

    /// <summary>The number of steps that have failed so far.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var listing in _captured.Values) listing.Dispose();
    }

    /// <summary>Returns the steps of a phase. Those of the phases before it must have ended.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <exception cref="StoreException">Steps have failed without which this phase would leave a destination that refers to missing items, or
    /// delete too much.</exception>
    public async IAsyncEnumerable<SyncStep> PlanAsync(SyncPhase phase, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var failed = Failed;
        if (phase.Deletes)
        {
            // Compared again: remembering the superfluous items would take memory, and the source may have changed since.
            if (!_superfluous.Contains(phase.Namespace)) yield break;
            ThrowIfUnsafe(phase, failed);
            if (_comparison.Referenced == 0) await ThrowIfSourceIsEmptyAsync(phase, cancellationToken).ConfigureAwait(false);
            await foreach (var item in _comparison.FindSuperfluousAsync(phase.Namespace, cancellationToken).ConfigureAwait(false))
                yield return new(SyncAction.Delete, item.Name, item.IsDeleted, item.Size);
            yield break;
        }
        if (_isBorg && !_isCaptured) await CaptureAsync(cancellationToken).ConfigureAwait(false);
        if (!_captured.Remove(phase.Namespace, out var listing)) listing = _comparison.ListReference(phase.Namespace);
        using (listing)
        {
            await foreach (var found in _comparison.RunAsync(phase.Namespace, listing, cancellationToken).ConfigureAwait(false))
            {
                if (found.Reference is not { } item)
                {
                    _superfluous.Add(phase.Namespace);
                    continue;
                }
                ThrowIfUnsafe(phase, failed);
                yield return new(found.Difference is null ? SyncAction.Copy : SyncAction.Replace, item.Name, item.IsDeleted, item.Size, found.Failure);
            }
        }
    }

    /// <summary>Carries out a step. An item that has disappeared meanwhile is no error.</summary>
    /// <param name="step">A step of the plan.</param>
    /// <param name="moved">Receives the number of bytes copied from time to time. May be called on any thread.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task ApplyAsync(SyncStep step, Action<long>? moved = null, CancellationToken cancellationToken = default)
        => ApplyAsync(step, limit: null, moved, cancellationToken);

    /// <summary>Carries out a step. An item that has disappeared meanwhile is no error.</summary>
    /// <param name="step">A step of the plan.</param>
    /// <param name="limit">The limit on the rate, shared by all steps.</param>
    /// <param name="moved">Receives the number of bytes copied from time to time. May be called on any thread.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    internal async Task ApplyAsync(SyncStep step, RateLimit? limit, Action<long>? moved, CancellationToken cancellationToken)
    {
        try
        {
            if (step.Failure is not null) throw step.Failure;
            if (step.Action == SyncAction.Delete)
            {
                await _destination.DeleteAsync(step.Name, step.IsDeleted, cancellationToken).ConfigureAwait(false);
            }
            else if (!_options.Deletes || step.Action == SyncAction.Replace || !await TryChangeStateAsync(step, cancellationToken).ConfigureAwait(false))
            {
                await new ItemCopy(_source, step.Name, step.IsDeleted, _destination)
                {
                    StaysDeleted = step.IsDeleted,
                    IsVerified = _options.IsVerified,
                    Limit = limit,
                    Moved = moved,
                }.CopyAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Deleted from the source since it was listed, or from the destination by someone else. The next run sees both.
        }
        catch
        {
            Interlocked.Increment(ref _failed);
            throw;
        }
    }

    private void ThrowIfNoPlaceFor(string ns)
    {
        if (_source.Layout.FindNamespace(ns) is not { IsKnown: true } layout || _destination.Layout.FindNamespace(ns) is { IsKnown: true }) return;
        throw new StoreException(StoreError.LayoutUnknown,
            $"'{_destination.Url}' has no namespace '{ns}', or its levels are unknown. Open it with -Preset Borg2, or with the namespaces and levels that it shall have, as in -Namespace @{{ {(ns.Length == 0 ? "''" : ns)} = {layout.WriteLevel} }}.",
            ns);
    }

    private void ThrowIfUnsafe(SyncPhase phase, long failed)
    {
        if (failed > 0 && (phase.Deletes || _isBorg))
            throw new StoreException(StoreError.BackendFailure,
                $"{failed} items failed, so '{phase.Namespace}' in '{_destination.Url}' was left as it is{(phase.Deletes ? ", and nothing was deleted" : "; it would refer to items that are missing")}. Mend the cause and run again.",
                phase.Namespace);
    }

    // A disk that is not mounted looks like an empty store.
    private async Task ThrowIfSourceIsEmptyAsync(SyncPhase phase, CancellationToken cancellationToken)
    {
        await foreach (var item in _source.ListAllAsync(ItemSelection.All, cancellationToken).ConfigureAwait(false)) return;
        throw new StoreException(StoreError.InvalidArgument,
            $"'{_source.Url}' has no items, so everything in '{_destination.Url}' would be deleted. If that is meant, remove the items with Remove-BorgStoreItem.", phase.Namespace);
    }

    private async Task CaptureAsync(CancellationToken cancellationToken)
    {
        _isCaptured = true;
        foreach (var phase in Phases.Where(phase => !phase.Deletes && phase.Namespace is not ("packs" or "data")).Reverse())
        {
            var listing = _captured[phase.Namespace] = _comparison.ListReference(phase.Namespace);
            await listing.CaptureAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    // If an item was soft-deleted or restored in the source, the same is done in the destination, instead of copying its value.
    private async Task<bool> TryChangeStateAsync(SyncStep step, CancellationToken cancellationToken)
    {
        var other = !step.IsDeleted;
        if (await _destination.FindAsync(step.Name, other, cancellationToken).ConfigureAwait(false) is not { } existing || existing.Size != step.Size
            || await _source.FindAsync(step.Name, other, cancellationToken).ConfigureAwait(false) is not null) return false;
        if (await _source.HashAsync(step.Name, HashKind.Sha256, step.IsDeleted, cancellationToken).ConfigureAwait(false)
            != await _destination.HashAsync(step.Name, HashKind.Sha256, other, cancellationToken).ConfigureAwait(false)) return false;
        if (step.IsDeleted) await _destination.SoftDeleteAsync(step.Name, cancellationToken).ConfigureAwait(false);
        else await _destination.UndeleteAsync(step.Name, StoreMode.CreateNew, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
