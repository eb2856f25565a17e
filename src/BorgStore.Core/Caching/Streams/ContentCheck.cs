using System.Buffers;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Caching.Streams;

/// <summary>Checks whether a value has the hash in its name, if its name contains one.</summary>
/// <remarks>A key of 64 lower-case hexadecimal digits is the SHA-256 or the BLAKE3 of the value; which one is not recorded.</remarks>
internal sealed class ContentCheck : IDisposable
{
    private const int DigitsOfHash = 64;
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");
    private static readonly HashKind[] Kinds = [HashKind.Sha256, HashKind.Blake3];
    private readonly string _key;
    private readonly Hasher[] _hashers;

    private ContentCheck(string key) => (_key, _hashers) = (key, [.. Kinds.Select(kind => kind.CreateHasher())]);

    /// <summary>Starts to check a value that passes by; returns <see langword="null"/> if its name contains no hash.</summary>
    public static ContentCheck? Begin(string name) => KeyOf(name) is { } key ? new(key) : null;

    /// <summary>Checks a cached value.</summary>
    /// <returns>Whether it matches, or its name contains no hash.</returns>
    public static async ValueTask<bool> IsValidAsync(CacheStorage cache, string name, CancellationToken cancellationToken)
    {
        if (KeyOf(name) is not { } key) return true;
        foreach (var kind in Kinds)
            if (await cache.HashAsync(name, kind, cancellationToken).ConfigureAwait(false) == key)
                return true;
        return false;
    }

    /// <summary>Adds bytes of the value.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        foreach (var hasher in _hashers) hasher.Append(bytes);
    }

    /// <summary>Returns whether the added bytes match.</summary>
    public bool IsValid() => _hashers.Any(hasher => hasher.FinishHex() == _key);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var hasher in _hashers) hasher.Dispose();
    }

    private static string? KeyOf(string name)
    {
        var key = name.AsSpan(name.LastIndexOf('/') + 1);
        if (key.EndsWith(Suffixes.Deleted)) key = key[..^Suffixes.Deleted.Length];
        return key.Length == DigitsOfHash && !key.ContainsAnyExcept(Digits) ? key.ToString() : null;
    }
}
