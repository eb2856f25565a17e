namespace BorgStore.Hashing;

/// <summary>Computes a hash of input that comes in pieces. One thread at a time may use it.</summary>
public abstract class Hasher : IDisposable
{
    private const int MaxDigestSize = 64;

    private protected Hasher(HashKind kind) => Kind = kind;

    /// <summary>The algorithm.</summary>
    public HashKind Kind { get; }

    /// <summary>Adds a piece of the input.</summary>
    /// <param name="data">The piece, of any length.</param>
    public abstract void Append(ReadOnlySpan<byte> data);

    /// <summary>Writes the digest of all that was added, and begins anew.</summary>
    /// <param name="digest">Receives <see cref="HashKind.DigestSize"/> bytes; it may be longer than that.</param>
    /// <exception cref="ArgumentException">It is too short.</exception>
    public void Finish(Span<byte> digest)
    {
        if (digest.Length < Kind.DigestSize)
            throw new ArgumentException($"A digest of {Kind} takes {Kind.DigestSize} bytes.", nameof(digest));
        FinishCore(digest[..Kind.DigestSize]);
    }

    /// <summary>Tells the digest of all that was added in lower-case hex, and begins anew.</summary>
    /// <returns>The digest.</returns>
    public string FinishHex()
    {
        Span<byte> digest = stackalloc byte[MaxDigestSize];
        Span<char> text = stackalloc char[2 * MaxDigestSize];
        digest = digest[..Kind.DigestSize];
        Finish(digest);
        for (var i = 0; i < digest.Length; i++)
        {
            text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
            text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        }
        return new string(text[..(2 * digest.Length)]);
    }

    /// <summary>Forgets what was added, and begins anew.</summary>
    public abstract void Reset();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the hasher holds.</summary>
    /// <param name="disposing">Whether it was disposed of, rather than finalized.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Writes the digest, and begins anew.</summary>
    /// <param name="digest">Has the size of the digest.</param>
    private protected abstract void FinishCore(Span<byte> digest);
}
