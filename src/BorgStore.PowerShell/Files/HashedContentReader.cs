using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Files;

/// <summary>Reads a file or stream for an item named by its hash. The stored value
/// always has that hash, even if the file changes meanwhile.</summary>
internal static class HashedContentReader
{
    // Sources up to this size, and those that cannot seek, are read once for both the hash and the value.
    private const int InMemory = 1024 * 1024;

    /// <summary>Returns the hash of a source, from its current position to its end, and its value.</summary>
    /// <param name="source">The source, which must stay open until the value is stored.</param>
    /// <param name="name">The name of the source, for error messages.</param>
    /// <param name="kind">The algorithm.</param>
    /// <param name="output">The job, for which the bytes that are stored are counted; reading them for the hash before is not.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<(string Digest, StoreValue Value)> ReadAsync(
        Stream source, string name, HashKind kind, JobOutput output, CancellationToken cancellationToken)
    {
        var length = source.CanSeek ? Math.Max(0, source.Length - source.Position) : 0;
        if (length <= InMemory)
        {
            var bytes = ValueArgument.ReadToEnd(new ProgressStream(source, output), length, name);
            return (kind.ComputeHex(bytes.Span), bytes);
        }
        var start = source.Position;
        var digest = await kind.ComputeHexAsync(source, cancellationToken);
        source.Position = start;
        return (digest, new(new CheckedStream(new ProgressStream(source, output), name, length, kind, digest), length));
    }

    // Hashes the value again while it is read, and throws at its last bytes if the hash differs.
    private sealed class CheckedStream(Stream source, string name, long length, HashKind kind, string expected) : ReadOnlyStream
    {
        private readonly long _start = source.Position;
        private readonly Hasher _hasher = kind.CreateHasher();
        private long _position;

        public override bool CanSeek => true;

        public override long Length => length;

        // A retry starts again from the beginning; no other seek is needed.
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
                    $"'{name}' was not stored: it was changed while it was being read. Store it again when no other program writes to it.", name);
        }
    }
}
