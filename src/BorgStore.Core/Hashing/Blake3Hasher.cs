namespace BorgStore.Hashing;

/// <summary>BLAKE3 of the package of that name, on the thread that calls it.</summary>
internal sealed class Blake3Hasher(HashKind kind) : Hasher(kind)
{
    private readonly Blake3.Hasher _hasher = Blake3.Hasher.New();

    public override void Append(ReadOnlySpan<byte> data) => _hasher.Update(data);

    public override void Reset() => _hasher.Reset();

    private protected override void FinishCore(Span<byte> digest)
    {
        _hasher.Finalize(digest);
        _hasher.Reset();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _hasher.Dispose();
        base.Dispose(disposing);
    }
}
