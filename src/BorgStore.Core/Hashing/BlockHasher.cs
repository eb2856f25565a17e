namespace BorgStore.Hashing;

/// <summary>What algorithms share that take their input in blocks of one size and treat the last one apart.</summary>
internal abstract class BlockHasher(HashKind kind, int blockSize) : Hasher(kind)
{
    private readonly byte[] _block = new byte[blockSize];
    private int _filled;

    public sealed override void Append(ReadOnlySpan<byte> data)
    {
        // The last block is held back, even when it is full, until it is known that more follows.
        if (data.Length > _block.Length - _filled)
        {
            if (_filled > 0)
            {
                var missing = _block.Length - _filled;
                data[..missing].CopyTo(_block.AsSpan(_filled));
                Compress(_block);
                data = data[missing..];
                _filled = 0;
            }
            var whole = (data.Length - 1) / _block.Length * _block.Length;
            if (whole > 0)
                Compress(data[..whole]);
            data = data[whole..];
        }
        data.CopyTo(_block.AsSpan(_filled));
        _filled += data.Length;
    }

    public sealed override void Reset()
    {
        _filled = 0;
        Initialize();
    }

    private protected sealed override void FinishCore(Span<byte> digest)
    {
        _block.AsSpan(_filled).Clear();
        CompressLast(_block, _filled, digest);
        Reset();
    }

    /// <summary>Sets the state to that before any input.</summary>
    private protected abstract void Initialize();

    /// <summary>Takes in one or more whole blocks that aren't the last.</summary>
    private protected abstract void Compress(ReadOnlySpan<byte> blocks);

    /// <summary>Takes in the last block and writes the digest.</summary>
    /// <param name="block">The block, zero behind what it holds.</param>
    /// <param name="filled">How much it holds [bytes]: from nothing, for empty input, to all of it.</param>
    /// <param name="digest">Receives the digest.</param>
    private protected abstract void CompressLast(Span<byte> block, int filled, Span<byte> digest);
}
