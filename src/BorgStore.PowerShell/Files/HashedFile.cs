using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Commands;

/// <summary>A file on its way to an item that is named by the file's hash. What is stored has that hash, also where the file is
/// written to meanwhile.</summary>
internal static class HashedFile
{
    // A file up to this size is read once, for its hash and its value together; likewise a pipe, which has no size.
    private const int InMemory = 1024 * 1024;

    /// <summary>Computes the hash of a file and makes the value.</summary>
    /// <param name="file">The file, which stays open until the value is stored.</param>
    /// <param name="kind">The algorithm.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public static async Task<(string Digest, StoreValue Value)> ReadAsync(
        FileStream file, HashKind kind, CancellationToken cancellationToken)
    {
        var length = file.CanSeek ? file.Length : 0;
        if (length <= InMemory)
        {
            var bytes = ValueArgument.ReadToEnd(file, length, file.Name);
            return (kind.ComputeHex(bytes.Span), bytes);
        }
        var digest = await kind.ComputeHexAsync(file, cancellationToken);
        file.Position = 0;
        return (digest, new(new CheckedStream(file, kind, digest), file.Length));
    }

    // Computes the hash again as the value passes, and vetoes the value with its last bytes where it differs.
    private sealed class CheckedStream(FileStream file, HashKind kind, string expected) : ReadOnlyStream
    {
        private readonly long _length = file.Length;
        private readonly Hasher _hasher = kind.CreateHasher();
        private long _position;

        public override bool CanSeek => true;

        public override long Length => _length;

        // A repeated attempt begins anew; there is nothing else to seek for.
        public override long Position
        {
            get => _position;
            set
            {
                ArgumentOutOfRangeException.ThrowIfNotEqual(value, 0);
                if (_position == 0) return;
                file.Position = _position = 0;
                _hasher.Reset();
            }
        }

        public override int Read(Span<byte> buffer)
        {
            var read = file.Read(buffer);
            Check(buffer[..read]);
            return read;
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await file.ReadAsync(buffer, cancellationToken);
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
            if (_position >= _length && _hasher.FinishHex() != expected)
                throw new StoreException(StoreError.HashMismatch,
                    $"'{file.Name}' was not stored: it was written to while it was read. Store it again when nothing writes to it.", file.Name);
        }
    }
}
