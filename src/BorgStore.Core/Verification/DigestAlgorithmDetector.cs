using System.Buffers;
using System.Collections.Concurrent;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Verification;

/// <summary>Determines which hash algorithm made the keys of the namespaces of a store. Apart from the length of
/// the key, everything is looked up once per namespace, whatever its size.</summary>
internal sealed class DigestAlgorithmDetector(Store store)
{
    // The smallest of the first names: enough to tolerate a few damaged values.
    private const int MaxListedNeighbors = 64;
    private const int MaxHashedNeighbors = 4;

    private static readonly HashKind[] MostLikelyFirst =
    [
        HashKind.Sha256, HashKind.Blake3, HashKind.Sha512, HashKind.Blake2b,
        HashKind.Sha384, HashKind.Sha224, HashKind.Sha1, HashKind.Md5,
    ];

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private readonly ConcurrentDictionary<string, HashKind> _matched = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Namespace, int KeyLength), Lazy<Task<HashKind?>>> _neighbors = [];
    private readonly ConcurrentDictionary<string, Lazy<Task<bool>>> _areDigests = new(StringComparer.Ordinal);
    private readonly object _lock = new();
    private Task<HashKind?>? _borg;

    /// <summary>Returns the algorithms whose digests look like a key, most likely first.</summary>
    public static IReadOnlyList<HashKind> CandidatesFor(string key)
        => key.AsSpan().IndexOfAnyExcept(HexDigits) < 0 ? Array.FindAll(MostLikelyFirst, kind => 2 * kind.DigestSize == key.Length) : [];

    /// <summary>Returns the algorithms that may have made a key, most likely first.</summary>
    /// <exception cref="StoreException">The key is not the digest of any known algorithm.</exception>
    public async Task<IReadOnlyList<HashKind>> GetCandidatesAsync(string name, CancellationToken cancellationToken)
    {
        var (ns, key) = store.Layout.Split(name);
        var candidates = CandidatesFor(key);
        if (candidates.Count == 0)
            throw new StoreException(StoreError.InvalidArgument,
                $"The key of '{name}' is not the digest of any known algorithm, so it says nothing about the value's integrity. Test only namespaces whose keys are digests.", name);
        if (candidates.Count == 1) return candidates;
        var likely = Recall(ns) ?? await DetectFromBorgVersionAsync(ns, cancellationToken).ConfigureAwait(false);
        return [.. candidates.OrderByDescending(kind => kind == likely)];
    }

    /// <summary>Remembers the algorithm that made a key.</summary>
    public void Remember(string name, HashKind kind) => _matched[store.Layout.Split(name).Namespace] = kind;

    /// <summary>Returns the most likely algorithm for a key that no candidate matched, judging by its neighbours.</summary>
    public async Task<HashKind> GuessAsync(string name, IReadOnlyList<HashKind> candidates, CancellationToken cancellationToken)
    {
        if (candidates.Count == 1) return candidates[0];
        var likely = await DetectAsync(name, cancellationToken).ConfigureAwait(false);
        return likely is not null && candidates.Contains(likely) ? likely : candidates[0];
    }

    /// <summary>Returns the algorithm that made the keys of a namespace, judging by the version of Borg and by the
    /// values of other items; <see langword="null"/> if none of those matches its key.</summary>
    /// <param name="name">The full name of an item with a key that looks like a digest.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task<HashKind?> DetectAsync(string name, CancellationToken cancellationToken)
    {
        var (ns, key) = store.Layout.Split(name);
        return Recall(ns)
            ?? await DetectFromBorgVersionAsync(ns, cancellationToken).ConfigureAwait(false)
            ?? await _neighbors.GetOrAdd((ns, key.Length), _ => new(() => HashNeighborsAsync(ns, name, cancellationToken))).Value.ConfigureAwait(false);
    }

    /// <summary>Returns whether the keys of a namespace are digests, judging by some of them.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task<bool> HasDigestKeysAsync(string ns, CancellationToken cancellationToken)
    {
        return _areDigests.GetOrAdd(ns, _ => new(FindAsync)).Value;

        async Task<bool> FindAsync()
        {
            var listed = 0;
            await foreach (var item in store.ListAsync(ns, ItemSelection.All, cancellationToken).ConfigureAwait(false))
            {
                if (CandidatesFor(item.Key).Count > 0) return await DetectAsync(item.Name, cancellationToken).ConfigureAwait(false) is not null;
                if (++listed == MaxListedNeighbors) break;
            }
            return false;
        }
    }

    private HashKind? Recall(string ns) => _matched.GetValueOrDefault(ns);

    private Task<HashKind?> DetectFromBorgVersionAsync(string ns, CancellationToken cancellationToken)
    {
        if (!BorgRepository.IsContentAddressed(ns)) return Task.FromResult<HashKind?>(null);
        lock (_lock) return _borg ??= FindAsync();

        async Task<HashKind?> FindAsync()
            => await TryAsync(() => store.FindBorgRepositoryAsync(cancellationToken)).ConfigureAwait(false) is { UsesBlake3: true } ? HashKind.Blake3 : null;
    }

    private async Task<HashKind?> HashNeighborsAsync(string ns, string name, CancellationToken cancellationToken)
    {
        var candidates = CandidatesFor(store.Layout.Split(name).Key);
        var neighbors = await TryAsync(async () =>
        {
            var found = new List<StoreItem>();
            await foreach (var item in store.ListAsync(ns, ItemSelection.All, cancellationToken).ConfigureAwait(false))
            {
                if (item.Name != name && CandidatesFor(item.Key).SequenceEqual(candidates)) found.Add(item);
                if (found.Count == MaxListedNeighbors) break;
            }
            return found;
        }).ConfigureAwait(false);
        foreach (var item in (neighbors ?? []).OrderBy(item => item.Size).Take(MaxHashedNeighbors))
        {
            foreach (var kind in candidates)
                if (await TryAsync(async () => await store.HashAsync(item.Name, kind, item.IsDeleted, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false) == item.Key)
                    return kind;
        }
        return null;
    }

    // A failed guess must not fail the test of an item.
    private static async ValueTask<T?> TryAsync<T>(Func<ValueTask<T?>> operation)
        where T : class
    {
        try
        {
            return await operation().ConfigureAwait(false);
        }
        catch (StoreException)
        {
            return null;
        }
    }
}
