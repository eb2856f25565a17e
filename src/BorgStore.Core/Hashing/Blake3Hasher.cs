using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static BorgStore.Hashing.Blake3;

namespace BorgStore.Hashing;

/// <summary>BLAKE3 of input that comes in pieces: the tree of section 2.1 of its specification, grown from the left.</summary>
/// <remarks>What is kept of the tree is the roots of the full subtrees so far, the largest first, as the binary digits of the
/// number of chunks are. Only who knows that more input follows may join the last two: else their parent is the root, which
/// is hashed in its own way. So joining waits until the next value is added, and the last chunk until more input comes.</remarks>
internal sealed class Blake3Hasher(HashKind kind, Blake3Path path, int maxDegree) : Hasher(kind)
{
    /// <summary>The chunks that are hashed level by level on one thread: many enough to fill the widest vectors nearly up to the
    /// top, few enough that their chaining values stay in the first cache, and a decent piece of work for one of several threads.
    /// </summary>
    private const int BatchChunks = 256;

    private const int BatchSize = BatchChunks * ChunkSize;

    /// <summary>From this length on it pays to wake other threads [bytes].</summary>
    private const int ParallelSize = 4 * BatchSize;

    /// <summary>2⁶⁴ bytes are 2⁵⁴ chunks; one place more for the value that isn't joined yet.</summary>
    private const int MaxDepth = 55;

    private static int s_sharing;

    private readonly byte[] _chunk = new byte[ChunkSize];
    private readonly byte[] _values = new byte[MaxDepth * ValueSize];
    private int _filled;
    private int _depth;
    private ulong _chunks;

    /// <summary>Makes a hasher that works in the fastest way.</summary>
    public Blake3Hasher(HashKind kind, int maxDegree)
        : this(kind, Best, maxDegree)
    {
    }

    public override void Append(ReadOnlySpan<byte> data)
    {
        if (_filled > 0)
        {
            var taken = Math.Min(ChunkSize - _filled, data.Length);
            data[..taken].CopyTo(_chunk.AsSpan(_filled));
            _filled += taken;
            data = data[taken..];
            if (data.IsEmpty)
                return;
            AddSubtree(_chunk, 1);
            _filled = 0;
        }
        while (data.Length > ChunkSize)
        {
            if (maxDegree > 1 && data.Length >= ParallelSize && _chunks % BatchChunks == 0)
            {
                var batches = data.Length / BatchSize;
                AddBatches(data, batches);
                data = data[(batches * BatchSize)..];
            }
            else
            {
                // The largest full subtree that begins here and lies within the data.
                var chunks = Math.Min(BatchChunks, 1 << BitOperations.Log2((uint)data.Length / ChunkSize));
                if (_chunks % (uint)chunks != 0)
                    chunks = 1 << BitOperations.TrailingZeroCount(_chunks);
                AddSubtree(data, chunks);
                data = data[(chunks * ChunkSize)..];
            }
        }
        data.CopyTo(_chunk);
        _filled = data.Length;
    }

    public override void Reset() => (_filled, _depth, _chunks) = (0, 0, 0);

    private protected override void FinishCore(Span<byte> digest)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        Span<byte> value = stackalloc byte[ValueSize];
        int length = BlockSize;
        uint flags = Parent;
        ulong counter = 0;
        if (_filled > 0 || _depth == 0)
        {
            Join();
            InitialValue.CopyTo(value);
            counter = _chunks;
            flags = ChunkStart;
            var at = 0;
            for (; _filled - at > BlockSize; at += BlockSize)
            {
                Blake3Scalar.Compress(ref First(value), ref _chunk[at], BlockSize, counter, flags);
                flags = 0;
            }
            length = _filled - at;
            _chunk.AsSpan(at, length).CopyTo(block);
            flags |= ChunkEnd;
        }
        else
        {
            _depth -= 2;
            _values.AsSpan(_depth * ValueSize, BlockSize).CopyTo(block);
            InitialValue.CopyTo(value);
        }

        // What remains are the parents on the right edge, up to the root.
        while (_depth > 0)
        {
            Blake3Scalar.Compress(ref First(value), ref First(block), length, counter, flags);
            _depth--;
            _values.AsSpan(_depth * ValueSize, ValueSize).CopyTo(block);
            value.CopyTo(block[ValueSize..]);
            InitialValue.CopyTo(value);
            (length, counter, flags) = (BlockSize, 0, Parent);
        }
        Blake3Scalar.Compress(ref First(value), ref First(block), length, counter: 0, flags | Root);
        value.CopyTo(digest);
        Reset();
    }

    private static ref byte First(Span<byte> bytes) => ref MemoryMarshal.GetReference(bytes);

    /// <summary>Adds a full subtree, of which only a single chunk may be sure that more input follows.</summary>
    private void AddSubtree(ReadOnlySpan<byte> data, int chunks)
    {
        Span<byte> values = stackalloc byte[BlockSize];
        HashSubtree(path, ref MemoryMarshal.GetReference(data), chunks, _chunks, ref First(values));
        AddValues(values, chunks);
    }

    private void AddValues(ReadOnlySpan<byte> values, int chunks)
    {
        if (chunks == 1)
        {
            AddValue(values[..ValueSize], 1);
            return;
        }
        AddValue(values[..ValueSize], chunks / 2);
        AddValue(values[ValueSize..BlockSize], chunks / 2);
    }

    private void AddValue(ReadOnlySpan<byte> value, int chunks)
    {
        Join();
        value.CopyTo(_values.AsSpan(_depth++ * ValueSize));
        _chunks += (uint)chunks;
    }

    /// <summary>Joins what is complete, now that more input follows.</summary>
    private void Join()
    {
        for (; _depth > BitOperations.PopCount(_chunks); _depth--)
        {
            ref var children = ref _values[(_depth - 2) * ValueSize];
            HashParents(Blake3Path.Scalar, ref children, 1, ref children);
        }
    }

    /// <summary>Adds batches that several threads hash.</summary>
    /// <remarks>Hashing that goes on at the same time shares the processors: eight workers on eight processors get one each,
    /// and a lone one gets all of them. The share is found anew for each piece, so that it follows the load.</remarks>
    private unsafe void AddBatches(ReadOnlySpan<byte> data, int batches)
    {
        var degree = Math.Min(maxDegree, Environment.ProcessorCount / Interlocked.Increment(ref s_sharing));
        var values = new byte[batches * BlockSize];
        try
        {
            fixed (byte* input = data, output = values)
            {
                byte* from = input, to = output; // fixed locals can't be captured; both outlive the loop
                var first = _chunks;
                void HashBatch(int i) => HashSubtree(path, ref from[(nint)i * BatchSize], BatchChunks,
                    first + (ulong)i * BatchChunks, ref to[i * BlockSize]);
                if (degree > 1)
                    Parallel.For(0, batches, new ParallelOptions { MaxDegreeOfParallelism = degree }, HashBatch);
                else
                    for (var i = 0; i < batches; i++)
                        HashBatch(i);
            }
        }
        finally
        {
            Interlocked.Decrement(ref s_sharing);
        }
        for (var i = 0; i < batches; i++)
            AddValues(values.AsSpan(i * BlockSize, BlockSize), BatchChunks);
    }

    /// <summary>Hashes a full subtree up to the two children of its root, or to its one chunk.</summary>
    /// <param name="path">The way to do it.</param>
    /// <param name="input">The subtree's chunks.</param>
    /// <param name="chunks">Their number, a power of 2 up to <see cref="BatchChunks"/>.</param>
    /// <param name="counter">The number of the first.</param>
    /// <param name="output">Receives two chaining values, or one.</param>
    [SkipLocalsInit]
    private static void HashSubtree(Blake3Path path, ref byte input, int chunks, ulong counter, ref byte output)
    {
        Span<byte> values = stackalloc byte[BatchChunks * ValueSize];
        HashChunks(path, ref input, chunks, counter, ref First(values));
        var count = chunks;
        for (; count > 2; count /= 2)
            HashParents(path, ref First(values), count / 2, ref First(values));
        values[..(count * ValueSize)].CopyTo(MemoryMarshal.CreateSpan(ref output, BlockSize));
    }
}
