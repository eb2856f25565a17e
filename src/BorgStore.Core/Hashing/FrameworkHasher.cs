using System.Security.Cryptography;

namespace BorgStore.Hashing;

/// <summary>An algorithm that the framework, and so the operating system, brings.</summary>
internal sealed class FrameworkHasher(HashKind kind, HashAlgorithmName algorithm) : Hasher(kind)
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(algorithm);

    public override void Append(ReadOnlySpan<byte> data) => _hash.AppendData(data);

    public override void Reset()
    {
        Span<byte> ignored = stackalloc byte[Kind.DigestSize];
        _hash.GetHashAndReset(ignored);
    }

    private protected override void FinishCore(Span<byte> digest) => _hash.GetHashAndReset(digest);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _hash.Dispose();
        base.Dispose(disposing);
    }
}
