using System.Buffers;
using System.Collections.Concurrent;
using BorgStore.Hashing;

namespace BorgStore.Commands;

/// <summary>Guesses by which algorithm keys were made from values: by their length, and by what matched before in the same namespace.</summary>
internal sealed class DigestRecognition
{
    private static readonly HashKind[] MostLikelyFirst =
    [
        HashKind.Sha256, HashKind.Blake3, HashKind.Sha512, HashKind.Blake2b, HashKind.Sha384, HashKind.Sha224, HashKind.Sha1, HashKind.Md5,
    ];

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private readonly ConcurrentDictionary<string, HashKind> _matched = [];

    /// <summary>The algorithms that can have made a key, the most likely first.</summary>
    public IReadOnlyList<HashKind> GetCandidates(string name, string key)
    {
        var candidates = key.AsSpan().IndexOfAnyExcept(HexDigits) < 0
            ? Array.FindAll(MostLikelyFirst, kind => 2 * kind.DigestSize == key.Length)
            : [];
        if (candidates.Length == 0)
            throw new StoreException(StoreError.InvalidArgument,
                $"The key of '{name}' is not the digest of any known algorithm, so it says nothing about the value's integrity. Test only namespaces whose keys are digests.", name);
        return _matched.TryGetValue(NamespaceOf(name), out var matched) ? [.. candidates.OrderByDescending(kind => kind == matched)] : candidates;
    }

    /// <summary>Remembers what matched.</summary>
    public void Remember(string name, HashKind kind) => _matched[NamespaceOf(name)] = kind;

    private static string NamespaceOf(string name) => name[..Math.Max(0, name.LastIndexOf('/'))];
}
