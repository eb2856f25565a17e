using System.Buffers;
using System.Collections.Concurrent;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Matching;

/// <summary>Determines which hash algorithm made the keys of a namespace. Apart from the length of the
/// key, everything is looked up once per namespace, whatever its size.</summary>
internal sealed class DigestAlgorithmDetector
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
    private readonly ConcurrentDictionary<Place, HashKind> _matched = [];
    private readonly ConcurrentDictionary<StoreConnection, Lazy<Task<HashKind?>>> _borg = [];
    private readonly ConcurrentDictionary<Place, Lazy<Task<HashKind?>>> _neighbors = [];

    /// <summary>Returns the algorithms that may have made a key, most likely first.</summary>
    /// <exception cref="StoreException">The key is not the digest of any known algorithm.</exception>
    public async Task<IReadOnlyList<HashKind>> GetCandidatesAsync(StoreLease store, string name, CancellationToken cancellationToken)
    {
        var candidates = CandidatesFor(store.Store.Layout.KeyOf(name));
        if (candidates.Length == 0)
            throw new StoreException(StoreError.InvalidArgument,
                $"The key of '{name}' is not the digest of any known algorithm, so it says nothing about the value's integrity. Test only namespaces whose keys are digests.", name);
        if (candidates.Length == 1) return candidates;
        var likely = Recall(store, name) ?? await DetectFromBorgVersionAsync(store, name, cancellationToken);
        return [.. candidates.OrderByDescending(kind => kind == likely)];
    }

    /// <summary>Remembers the algorithm that made a key.</summary>
    public void Remember(StoreLease store, string name, HashKind kind) => _matched[PlaceOf(store, name)] = kind;

    /// <summary>Returns the most likely algorithm for a key that no candidate matched, judging by its neighbours.</summary>
    public async Task<HashKind> GuessAsync(
        StoreLease store, string name, IReadOnlyList<HashKind> candidates, CancellationToken cancellationToken)
    {
        if (candidates.Count == 1) return candidates[0];
        var likely = Recall(store, name)
            ?? await DetectFromBorgVersionAsync(store, name, cancellationToken)
            ?? await DetectFromNeighborsAsync(store, name, cancellationToken);
        return likely is not null && candidates.Contains(likely) ? likely : candidates[0];
    }

    private static HashKind[] CandidatesFor(string key)
        => key.AsSpan().IndexOfAnyExcept(HexDigits) < 0 ? Array.FindAll(MostLikelyFirst, kind => 2 * kind.DigestSize == key.Length) : [];

    private static Place PlaceOf(StoreLease store, string name) => new(store.Connection, store.Store.Layout.Find(name)?.Name ?? "");

    private HashKind? Recall(StoreLease store, string name) => _matched.GetValueOrDefault(PlaceOf(store, name));

    private Task<HashKind?> DetectFromBorgVersionAsync(StoreLease store, string name, CancellationToken cancellationToken)
        => BorgRepository.IsContentAddressed(PlaceOf(store, name).Namespace)
            ? _borg.GetOrAdd(store.Connection, _ => new(async () =>
                await TryAsync(() => store.Store.FindBorgRepositoryAsync(cancellationToken)) is { UsesBlake3: true } ? HashKind.Blake3 : null)).Value
            : Task.FromResult<HashKind?>(null);

    private Task<HashKind?> DetectFromNeighborsAsync(StoreLease store, string name, CancellationToken cancellationToken)
        => _neighbors.GetOrAdd(PlaceOf(store, name), place => new(() => HashNeighborsAsync(store, place.Namespace, name, cancellationToken))).Value;

    private static async Task<HashKind?> HashNeighborsAsync(StoreLease store, string ns, string name, CancellationToken cancellationToken)
    {
        var candidates = CandidatesFor(store.Store.Layout.KeyOf(name));
        var neighbors = await TryAsync(async () =>
        {
            var found = new List<StoreItem>();
            await foreach (var item in store.Store.ListAsync(ns, ItemSelection.All, cancellationToken))
            {
                if (item.Name != name && CandidatesFor(store.Store.Layout.KeyOf(item.Name)).SequenceEqual(candidates)) found.Add(item);
                if (found.Count == MaxListedNeighbors) break;
            }
            return found;
        });
        foreach (var item in (neighbors ?? []).OrderBy(item => item.Size).Take(MaxHashedNeighbors))
        {
            var key = store.Store.Layout.KeyOf(item.Name);
            foreach (var kind in candidates)
                if (await TryAsync(async () => await store.Store.HashAsync(item.Name, kind, item.IsDeleted, cancellationToken)) == key)
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
            return await operation();
        }
        catch (StoreException)
        {
            return null;
        }
    }

    /// <summary>A namespace of a store.</summary>
    private readonly record struct Place(StoreConnection Connection, string Namespace);
}
