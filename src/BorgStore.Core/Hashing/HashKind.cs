using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace BorgStore.Hashing;

/// <summary>A hash algorithm under the name that stores know it by, and the registry of all that there are.</summary>
/// <remarks>The kinds are compared by reference. All members may be used from many threads at once.</remarks>
public sealed class HashKind
{
    private const int MaxShownLength = 40;
    private readonly Func<HashKind, Hasher> _create;

    private HashKind(string name, string displayName, int digestSize, Func<HashKind, Hasher> create) =>
        (Name, DisplayName, DigestSize, _create) = (name, displayName, digestSize, create);

    /// <summary>MD5 (RFC 1321). Broken; for comparison with what others computed.</summary>
    public static HashKind Md5 { get; } = Framework("md5", "MD5", 16, HashAlgorithmName.MD5);

    /// <summary>SHA-1 (FIPS 180-4). Broken; for comparison with what others computed.</summary>
    public static HashKind Sha1 { get; } = Framework("sha1", "SHA1", 20, HashAlgorithmName.SHA1);

    /// <summary>SHA-224 (FIPS 180-4).</summary>
    public static HashKind Sha224 { get; } = new("sha224", "SHA224", 28, kind => new Sha224Hasher(kind));

    /// <summary>SHA-256 (FIPS 180-4).</summary>
    public static HashKind Sha256 { get; } = Framework("sha256", "SHA256", 32, HashAlgorithmName.SHA256);

    /// <summary>SHA-384 (FIPS 180-4).</summary>
    public static HashKind Sha384 { get; } = Framework("sha384", "SHA384", 48, HashAlgorithmName.SHA384);

    /// <summary>SHA-512 (FIPS 180-4).</summary>
    public static HashKind Sha512 { get; } = Framework("sha512", "SHA512", 64, HashAlgorithmName.SHA512);

#pragma warning disable CA1707 // Spelled as the framework spells its SHA3_256; Sha3256 would read as another algorithm.

    /// <summary>SHA3-224 (FIPS 202).</summary>
    public static HashKind Sha3_224 { get; } = new("sha3_224", "SHA3_224", 28, kind => new Sha3Hasher(kind));

    /// <summary>SHA3-256 (FIPS 202).</summary>
    public static HashKind Sha3_256 { get; } = SHA3_256.IsSupported
        ? Framework("sha3_256", "SHA3_256", 32, HashAlgorithmName.SHA3_256)
        : new("sha3_256", "SHA3_256", 32, kind => new Sha3Hasher(kind));

    /// <summary>SHA3-384 (FIPS 202).</summary>
    public static HashKind Sha3_384 { get; } = SHA3_384.IsSupported
        ? Framework("sha3_384", "SHA3_384", 48, HashAlgorithmName.SHA3_384)
        : new("sha3_384", "SHA3_384", 48, kind => new Sha3Hasher(kind));

    /// <summary>SHA3-512 (FIPS 202).</summary>
    public static HashKind Sha3_512 { get; } = SHA3_512.IsSupported
        ? Framework("sha3_512", "SHA3_512", 64, HashAlgorithmName.SHA3_512)
        : new("sha3_512", "SHA3_512", 64, kind => new Sha3Hasher(kind));

#pragma warning restore CA1707

    /// <summary>BLAKE2b-512 without a key (RFC 7693), as <c>blake2b</c> of Python's hashlib.</summary>
    public static HashKind Blake2b { get; } = new("blake2b", "BLAKE2b", 64, kind => new Blake2bHasher(kind));

    /// <summary>BLAKE2s-256 without a key (RFC 7693), as <c>blake2s</c> of Python's hashlib.</summary>
    public static HashKind Blake2s { get; } = new("blake2s", "BLAKE2s", 32, kind => new Blake2sHasher(kind));

    /// <summary>BLAKE3 with a digest of 32 bytes (BLAKE3 specification, hash mode).</summary>
    public static HashKind Blake3 { get; } = FromBlake3Package();

    /// <summary>All kinds, in the order in which help and completion show them.</summary>
    public static IReadOnlyList<HashKind> All { get; } =
    [
        Md5, Sha1, Sha224, Sha256, Sha384, Sha512, Sha3_224, Sha3_256, Sha3_384, Sha3_512, Blake2b, Blake2s, Blake3,
    ];

    /// <summary>The name in stores and on the wire, which is that of Python's hashlib, such as <c>sha3_256</c>.</summary>
    public string Name { get; }

    /// <summary>The name as PowerShell spells it, such as <c>SHA3_256</c>.</summary>
    public string DisplayName { get; }

    /// <summary>The size of a digest [bytes].</summary>
    public int DigestSize { get; }

    /// <summary>Finds a kind by its name in any case, with <c>-</c>, <c>_</c> or nothing before a number: <c>SHA-256</c>,
    /// <c>sha3_256</c>, <c>BLAKE2b</c>.</summary>
    /// <param name="text">The name.</param>
    /// <param name="kind">The kind, where the name is known.</param>
    /// <returns>Whether the name is known.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out HashKind? kind)
    {
        kind = text is null ? null : All.FirstOrDefault(candidate => IsSpelling(text, candidate.Name));
        return kind is not null;
    }

    /// <summary>Finds a kind by its name, spelled as <see cref="TryParse"/> takes it.</summary>
    /// <param name="text">The name.</param>
    /// <returns>The kind.</returns>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidArgument"/>: there is no algorithm of that name.</exception>
    public static HashKind Parse(string text) => TryParse(text, out var kind) ? kind : throw new StoreException(
        StoreError.InvalidArgument,
        $"Unsupported hash algorithm: '{Shorten(text)}'. Use one of {string.Join(", ", All.Select(known => known.Name))}.");

    /// <summary>Makes a hasher, for input that comes in pieces. It works on the thread that calls it.</summary>
    /// <returns>The hasher.</returns>
    public Hasher CreateHasher() => _create(this);

    /// <summary>Computes the hash of bytes in memory.</summary>
    /// <param name="data">The bytes.</param>
    /// <returns>The digest in lower-case hex.</returns>
    public string ComputeHex(ReadOnlySpan<byte> data)
    {
        using var hasher = CreateHasher();
        hasher.Append(data);
        return hasher.FinishHex();
    }

    /// <summary>Computes the hash of what is left of a stream, in constant memory.</summary>
    /// <remarks>A long stream is read while it is hashed, which takes one processor.</remarks>
    /// <param name="stream">The stream; it stays open.</param>
    /// <param name="cancellationToken">Ends the work at the next block.</param>
    /// <returns>The digest in lower-case hex.</returns>
    public ValueTask<string> ComputeHexAsync(Stream stream, CancellationToken cancellationToken = default) =>
        StreamHashing.ComputeHexAsync(this, stream, cancellationToken);

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static HashKind Framework(string name, string displayName, int digestSize, HashAlgorithmName algorithm) =>
        new(name, displayName, digestSize, kind => new FrameworkHasher(kind, algorithm));

    private static HashKind FromBlake3Package()
    {
        Blake3Package.Register();
        return new("blake3", "BLAKE3", 32, kind => new Blake3Hasher(kind));
    }

    private static bool IsSpelling(ReadOnlySpan<char> text, ReadOnlySpan<char> name)
    {
        var at = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (i > 0 && text[i] is '-' or '_' && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1]))
                continue;
            if (at < name.Length && name[at] == '_')
                at++;
            if (at == name.Length || char.ToLowerInvariant(text[i]) != name[at++])
                return false;
        }
        return at == name.Length;
    }

    // Names come over the wire too.
    private static string Shorten(string? text) => text is { Length: > MaxShownLength } ? text[..MaxShownLength] : text ?? "";
}
