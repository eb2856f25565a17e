using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Commands;

/// <summary>A file or stream on its way to an item that is named by its hash. The value that is stored has that hash, also if something
/// writes to the file meanwhile.</summary>
internal static class HashedSource
{
    // A source up to this size is read once, for its hash and its value together; likewise one that cannot be read twice.
    private const int InMemory = 1024 * 1024;

    /// <summary>Computes the hash of a source, from where it stands to its end, and returns it with the value.</summary>
    /// <param name="source">The source, which stays open until the value is stored.</param>
    /// <param name="name">What errors call the source.</param>
    /// <param name="kind">The algorithm.</param>
    /// <param name="cancellationToken">A token to cancel the reading.</param>
    public static async Task<(string Digest, StoreValue Value)> ReadAsync(
        Stream source, string name, HashKind kind, CancellationToken cancellationToken)
    {
        var length = source.CanSeek ? Math.Max(0, source.Length - source.Position) : 0;
        if (length <= InMemory)
        {
            var bytes = ValueArgument.ReadToEnd(source, length, name);
            return (kind.ComputeHex(bytes.Span), bytes);
        }
        var start = source.Position;
        var digest = await kind.ComputeHexAsync(source, cancellationToken);
        source.Position = start;
        return (digest, new(new CheckedStream(source, name, length, kind, digest), length));
    }

    // Computes the hash again as the value passes, and vetoes the value with its last bytes where it differs.
    private sealed class CheckedStream(Stream source, string name, long length, HashKind kind, string expected) : ReadOnlyStream
    {
        private readonly long _start = source.Position;
        private readonly Hasher _hasher = kind.CreateHasher();
        private long _position;

        public override bool CanSeek => true;

        public override long Length => length;

        // A repeated attempt begins anew; there is nothing else to seek for.
        public override long Position
        {
            get => _position;
            set
            {
                ArgumentOutOfRangeException.ThrowIfNotEqual(value, 0);
                if (_position == 0) return;
                source.Position = _start;
                _position = 0;
                _hasher.Reset();
            }
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await source.ReadAsync(buffer, cancellationToken);
            Check(buffer.Span[..read]);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) _hasher.Dispose();
            base.Dispose(disposing);
        }

        private void Check(ReadOnlySpan<byte> bytes)
        {
            if (bytes.IsEmpty) return;
            _hasher.Append(bytes);
            _position += bytes.Length;
            if (_position >= length && _hasher.FinishHex() != expected)
                throw new StoreException(StoreError.HashMismatch,
                    $"'{name}' was not stored: it was written to while it was read. Store it again when nothing writes to it.", name);
        }
    }
}
