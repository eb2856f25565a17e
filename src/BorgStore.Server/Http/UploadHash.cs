using System.Security.Cryptography;
using BorgStore.Hashing;
using BorgStore.Server.Stores;

namespace BorgStore.Server.Http;

/// <summary>The hashes of an upload: the SHA-256 that the client announced or wants to know, and the one that its name is made of.</summary>
/// <param name="announced">The announced SHA-256 in hex, or <see langword="null"/> if there is none.</param>
/// <param name="isWanted">Whether the client wants to know the SHA-256.</param>
/// <param name="named">The hash that is the name of the value, or <see langword="null"/> if the value may have any.</param>
internal sealed class UploadHash(string? announced, bool isWanted, ExpectedHash? named) : IDisposable
{
    private readonly bool _needsSha256 = announced is not null || isWanted || named?.Kind == HashKind.Sha256;
    private IncrementalHash? _sha256;
    private Hasher? _other;

    /// <summary>The SHA-256, once the value was checked, if the client wants to know it.</summary>
    public byte[]? Wanted { get; private set; }

    private HashKind? OtherKind => named is { Kind: { } kind } && kind != HashKind.Sha256 ? kind : null;

    /// <summary>Adds a part of the value.</summary>
    public void Append(ReadOnlySpan<byte> part)
    {
        if (_needsSha256) (_sha256 ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256)).AppendData(part);
        if (OtherKind is { } kind) (_other ??= kind.CreateHasher()).Append(part);
    }

    /// <summary>Checks the value whose parts were added.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.HashMismatch"/>.</exception>
    public void Check() => Check(_sha256?.GetHashAndReset(), _other?.FinishHex());

    /// <summary>Checks a whole value.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.HashMismatch"/>.</exception>
    public void Check(ReadOnlySpan<byte> value) => Check(_needsSha256 ? SHA256.HashData(value) : null, OtherKind?.ComputeHex(value));

    public void Dispose()
    {
        _sha256?.Dispose();
        _other?.Dispose();
    }

    private void Check(byte[]? sha256, string? other)
    {
        if (sha256 is not null) ContentHash.Check(sha256, announced);
        if (named is { } expected && expected.Hex != (other ?? Convert.ToHexStringLower(sha256!)))
            throw new StoreException(StoreError.HashMismatch, $"The {expected.Kind.DisplayName} of the value is not its name '{expected.Hex}', so it was not stored") { IsExplained = true };
        if (isWanted) Wanted = sha256;
    }
}
