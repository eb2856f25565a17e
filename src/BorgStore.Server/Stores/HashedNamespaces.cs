using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Server.Stores;

/// <summary>The namespaces in which every value is named by its hash, whatever its client says. The server computes the hash of each upload
/// there, and refuses all other ways to give a value a name.</summary>
/// <param name="kinds">The algorithms by namespace.</param>
internal sealed class HashedNamespaces(IReadOnlyDictionary<string, HashKind> kinds)
{
    // One within another comes first.
    private readonly KeyValuePair<string, HashKind>[] _kinds = [.. kinds.OrderByDescending(entry => entry.Key.Length)];

    /// <summary>Parses the namespaces of the command line.</summary>
    /// <param name="texts">Lists such as <c>data=sha256,packs=blake3</c>.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/> if one is not valid.</exception>
    public static IReadOnlyDictionary<string, HashKind> Parse(IEnumerable<string> texts)
    {
        var kinds = new Dictionary<string, HashKind>(StringComparer.Ordinal);
        foreach (var text in texts.SelectMany(list => list.Split(',')))
        {
            if (text.Split('=') is not [{ Length: > 0 } name, { Length: > 0 } algorithm])
                throw CommandLine.UsageError($"'--content-hash {text}' is not of the form NAMESPACE=ALGORITHM, such as data=sha256.");
            // A name that no value can have would protect nothing.
            if (name.Split('/').Select(element => ItemName.DescribeProblem(element, writing: true, windows: true)).FirstOrDefault(problem => problem is not null) is { } problem)
                throw CommandLine.UsageError($"'--content-hash {text}': '{name}' is not the name of a namespace: {problem}.");
            if (!HashKind.TryParse(algorithm, out var kind))
                throw CommandLine.UsageError($"'--content-hash {text}': '{algorithm}' is not one of {string.Join(", ", HashKind.All.Select(known => known.Name))}.");
            if (!kinds.TryAdd(name, kind)) throw CommandLine.UsageError($"'--content-hash' has the namespace '{name}' twice.");
        }
        return kinds;
    }

    /// <summary>Returns the hash that the value of a name must have, or <see langword="null"/> if the name may have any value.</summary>
    /// <param name="name">The nested name.</param>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidName"/> if the name is in one of the namespaces, but no value can have it.</exception>
    public ExpectedHash? Find(string name)
    {
        foreach (var (ns, kind) in _kinds)
        {
            // A value or another directory in the place of the namespace.
            if (name == ns) throw NoHash(name, ns, kind);
            if (!name.StartsWith(ns, StringComparison.Ordinal) || name[ns.Length] != '/') continue;
            var (key, _, _) = Nesting.Unnest(name[(ns.Length + 1)..]);
            return key.Length == kind.DigestSize * 2 && key.All(char.IsAsciiHexDigitLower) ? new(kind, key) : throw NoHash(name, ns, kind);
        }
        return null;
    }

    /// <summary>Throws <see cref="StoreError.PermissionDenied"/> if a move would give a value a name that was not made of its hash. Soft deletion
    /// and another level keep the hash.</summary>
    /// <param name="name">The name of the item to move.</param>
    /// <param name="newName">Its new name.</param>
    public void CheckMove(string name, string newName)
    {
        if (_kinds.FirstOrDefault(entry => entry.Key.StartsWith(newName + "/", StringComparison.Ordinal)).Key is { } below)
            throw Denied($"The directory of the namespace '{below}' can't be replaced: the server has not checked the values that would come with it.", newName);
        if (Find(newName) is { } hash && Find(name) != hash)
            throw Denied($"'{name}' can't be moved to '{newName}', because values there are named by their {hash.Kind.DisplayName}. Store the value under that name.", newName);
    }

    /// <summary>Throws if a defragmentation would give its result a name that is not made of its hash.</summary>
    public void CheckDefrag(DefragRequest request)
    {
        if (request.Target is { } target)
        {
            if (Find(target) is { } hash)
                throw Denied($"The result of a defragmentation can't be named '{target}' in advance, because values there are named by their {hash.Kind.DisplayName}. "
                    + $"Leave out the target, and request the algorithm {hash.Kind.Name}.", target);
            return;
        }
        var name = request.NameOf(new string('0', request.Algorithm!.DigestSize * 2));
        if (Find(name) is { } named && named.Kind != request.Algorithm)
            throw Denied($"The result of a defragmentation can't be named by its {request.Algorithm.DisplayName} here, because values are named by their {named.Kind.DisplayName}.", name);
    }

    private static StoreException NoHash(string name, string ns, HashKind kind)
        => new(StoreError.InvalidName, $"Values in the namespace '{ns}' are named by their {kind.DisplayName}, {kind.DigestSize * 2} lower-case hexadecimal digits, "
            + $"which '{PrintableText.Escape(name)}' is not.", name)
        {
            IsExplained = true,
        };

    private static StoreException Denied(string message, string name) => new(StoreError.PermissionDenied, PrintableText.Escape(message), name) { IsExplained = true };
}

/// <summary>The hash that a value must have.</summary>
/// <param name="Kind">The algorithm.</param>
/// <param name="Hex">The digest in lower-case hex.</param>
internal readonly record struct ExpectedHash(HashKind Kind, string Hex);
