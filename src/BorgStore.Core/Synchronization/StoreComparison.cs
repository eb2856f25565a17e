using System.Buffers;
using System.Runtime.CompilerServices;
using BorgStore.Hashing;

namespace BorgStore.Synchronization;

/// <summary>Compares the items of two stores, or of a store and a folder of exported items, by merging their sorted listings in constant memory.</summary>
public sealed class StoreComparison
{
    // How many results may wait for the hash of an earlier item.
    private const int MaxWaiting = 1024;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private readonly ItemSource _reference;
    private readonly ItemSource _difference;
    private readonly ComparisonOptions _options;
    private long _compared;
    private long _referenced;

    /// <summary>Prepares the comparison of two stores.</summary>
    /// <param name="reference">The store that is taken as right.</param>
    /// <param name="difference">The other store.</param>
    /// <param name="options">What to compare, and how.</param>
    public StoreComparison(Store reference, Store difference, ComparisonOptions? options = null)
        : this(new StoreSource(reference), new StoreSource(difference), options ?? new())
    {
    }

    /// <summary>Prepares the comparison of a store and a folder of exported items.</summary>
    /// <param name="reference">The store.</param>
    /// <param name="folder">The absolute path of the folder.</param>
    /// <param name="options">What to compare, and how.</param>
    public StoreComparison(Store reference, string folder, ComparisonOptions? options = null)
        : this(new StoreSource(reference), new FolderSource(folder, reference.Layout), options ?? new())
    {
    }

    private StoreComparison(ItemSource reference, ItemSource difference, ComparisonOptions options)
    {
        (_reference, _difference, _options) = (reference, difference, options);
        Namespaces = [.. (options.Namespaces?.Select(ns => ns.TrimEnd('/')) ?? reference.Layout.Namespaces.Concat(difference.Layout.Namespaces).Select(ns => ns.Name))
            .Distinct().Order(StringComparer.Ordinal)];
        foreach (var ns in Namespaces)
        {
            if (reference.Layout.FindNamespace(ns) is null && difference.Layout.FindNamespace(ns) is null)
                throw new StoreException(StoreError.LayoutUnknown, $"There is no namespace '{ns}' in '{reference.Url}' or '{difference.Url}'.", ns);
        }
    }

    /// <summary>The namespaces to compare, sorted.</summary>
    public IReadOnlyList<string> Namespaces { get; }

    /// <summary>The number of names compared so far.</summary>
    public long Compared => Interlocked.Read(ref _compared);

    /// <summary>The number of names found in the reference so far.</summary>
    internal long Referenced => Interlocked.Read(ref _referenced);

    /// <summary>Compares all namespaces, one after another. Results are in the order of names, except for keys too short for their level, which come last.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<ItemDifference> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var ns in Namespaces)
        {
            using var reference = ListReference(ns);
            await foreach (var found in RunAsync(ns, reference, cancellationToken).ConfigureAwait(false)) yield return found;
        }
    }

    /// <summary>Returns the listing of a namespace of the reference, which may be captured before it is compared.</summary>
    internal SortedListing ListReference(string ns) => List(_reference, ns);

    /// <summary>Compares a namespace with a listing of the reference.</summary>
    internal async IAsyncEnumerable<ItemDifference> RunAsync(
        string ns, SortedListing reference, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var difference = List(_difference, ns);
        var waiting = new Queue<Task<ItemDifference>>();
        var hashing = 0;
        await foreach (var found in MergeAsync(reference, difference, cancellationToken).ConfigureAwait(false))
        {
            Interlocked.Increment(ref _compared);
            if (found.Reference is not null) Interlocked.Increment(ref _referenced);
            var isHashed = found.Kind == DifferenceKind.None && NeedsHash(found);
            // Without a hash under way, nothing has to wait for its turn.
            if (!isHashed && waiting.Count == 0)
            {
                if (IsWanted(found)) yield return found;
                continue;
            }
            if (!isHashed && !IsWanted(found)) continue;
            waiting.Enqueue(isHashed ? Task.Run(() => HashAsync(found, cancellationToken), cancellationToken) : Task.FromResult(found));
            if (isHashed) hashing++;
            while (waiting.TryPeek(out var first) && (first.IsCompleted || hashing >= _options.Parallelism || waiting.Count >= MaxWaiting))
            {
                var result = await first.ConfigureAwait(false);
                _ = waiting.Dequeue();
                hashing = waiting.Count(task => !task.IsCompleted);
                if (IsWanted(result)) yield return result;
            }
        }
        while (waiting.TryDequeue(out var task))
        {
            var result = await task.ConfigureAwait(false);
            if (IsWanted(result)) yield return result;
        }
    }

    /// <summary>Returns the items of a namespace that the reference lacks.</summary>
    internal async IAsyncEnumerable<StoreItem> FindSuperfluousAsync(string ns, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reference = ListReference(ns);
        using var difference = List(_difference, ns);
        await foreach (var found in MergeAsync(reference, difference, cancellationToken).ConfigureAwait(false))
            if (found is { Reference: null, Difference: { } superfluous }) yield return superfluous;
    }

    private bool IsWanted(ItemDifference found) => found.Kind != DifferenceKind.None || _options.IncludesEqual;

    // Both sides treat the same keys as short, so that each is compared with its counterpart.
    private SortedListing List(ItemSource source, string ns)
    {
        var level = Math.Max(FindLevel(_reference), FindLevel(_difference));
        return new(source, source.Layout.FindNamespace(ns), 2 * level, _options.Filter);

        int FindLevel(ItemSource side) => side.Layout.FindNamespace(ns) is { Levels: [var level] } ? level : 0;
    }

    private bool NeedsHash(ItemDifference found)
    {
        if (_options.Check == ContentCheck.Size || found.Reference!.Value.Size == 0) return false;
        if (_options.TrustNames && IsDigest(found.Reference.Value.Key)) return false;
        return _options.Check == ContentCheck.Hash || !(found.Difference!.Value.LastWriteTime >= found.Reference.Value.LastWriteTime);
    }

    // The shortest digest that is used for names has 128 bits.
    private static bool IsDigest(string key) => key.Length >= 32 && !key.AsSpan().ContainsAnyExcept(HexDigits);

    private async Task<ItemDifference> HashAsync(ItemDifference found, CancellationToken cancellationToken)
    {
        try
        {
            var hashes = await Task.WhenAll(
                _reference.HashAsync(found.Reference!.Value, HashKind.Sha256, cancellationToken).AsTask(),
                _difference.HashAsync(found.Difference!.Value, HashKind.Sha256, cancellationToken).AsTask()).ConfigureAwait(false);
            return hashes[0] == hashes[1] ? found : found with { Kind = DifferenceKind.Content };
        }
        catch (StoreException e)
        {
            return found with { Kind = DifferenceKind.Unknown, Failure = e };
        }
    }

    private static async IAsyncEnumerable<ItemDifference> MergeAsync(
        SortedListing reference, SortedListing difference, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var left = new Side(reference.ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken));
        var right = new Side(difference.ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken));
        await using (left.ConfigureAwait(false))
        await using (right.ConfigureAwait(false))
        {
            await Task.WhenAll(left.MoveNextAsync(), right.MoveNextAsync()).ConfigureAwait(false);
            while (true)
            {
                if (Pair(left.Current, right.Current) is not { } pair) break;
                yield return pair;
                var (hasLeft, hasRight) = (pair.Reference is not null, pair.Difference is not null);
                if (hasLeft && hasRight) await Task.WhenAll(left.MoveNextAsync(), right.MoveNextAsync()).ConfigureAwait(false);
                else await (hasLeft ? left : right).MoveNextAsync().ConfigureAwait(false);
            }
        }
        using var shortLeft = reference.ReadShort().GetEnumerator();
        using var shortRight = difference.ReadShort().GetEnumerator();
        var (current, other) = (Next(shortLeft), Next(shortRight));
        while (Pair(current, other) is { } pair)
        {
            yield return pair;
            if (pair.Reference is not null) current = Next(shortLeft);
            if (pair.Difference is not null) other = Next(shortRight);
        }

        static SortedItem? Next(IEnumerator<SortedItem> items) => items.MoveNext() ? items.Current : null;
    }

    // Compares what comes next on both sides; null at the end of both.
    private static ItemDifference? Pair(SortedItem? left, SortedItem? right)
    {
        var order = (left, right) switch
        {
            (null, null) => (int?)null,
            (null, _) => 1,
            (_, null) => -1,
            _ => string.CompareOrdinal(left.Value.Key, right.Value.Key),
        };
        var (a, b) = (left?.Item, right?.Item);
        return order switch
        {
            null => null,
            < 0 => new(a!.Value.Name, a.Value.IsDeleted, DifferenceKind.OnlyInReference, a, null),
            > 0 => new(b!.Value.Name, b.Value.IsDeleted, DifferenceKind.OnlyInDifference, null, b),
            _ => new(a!.Value.Name, a.Value.IsDeleted, a.Value.Size == b!.Value.Size ? DifferenceKind.None : DifferenceKind.Size, a, b),
        };
    }

    /// <summary>One side of the merge. An item that is stored at two levels counts once.</summary>
    private sealed class Side(IAsyncEnumerator<SortedItem> items) : IAsyncDisposable
    {
        public SortedItem? Current { get; private set; }

        public ValueTask DisposeAsync() => items.DisposeAsync();

        public async Task MoveNextAsync()
        {
            var last = Current?.Key;
            do Current = await items.MoveNextAsync().ConfigureAwait(false) ? items.Current : null;
            while (Current is { } next && next.Key == last);
        }
    }
}
