using Amazon.S3.Model;

namespace BorgStore.Backends.S3.Values;

/// <summary>A large range of an object, whose parts are loaded in parallel ahead of the reader.</summary>
internal sealed class ParallelObjectStream : ValueStream
{
    private const int Width = 4;
    private const int PartSize = PartSizes.DefaultPartSize;

    private readonly ObjectVersion _version;
    private readonly long _end;
    private readonly CancellationTokenSource _left = new();
    private readonly Queue<Part> _ahead = new();
    private ObjectStream? _direct;
    private Part? _part;
    private int _partPosition;
    private long _next;

    /// <summary>Initializes the stream with a response for the whole range, of which only the first part is used.</summary>
    public ParallelObjectStream(ObjectVersion version, long start, long length, GetObjectResponse response)
    {
        (_version, Length, _end) = (version, length, start + length);
        _direct = new(version, start, PartSize, response);
        _next = start + PartSize;
    }

    /// <summary>The size from which several requests are worthwhile [bytes].</summary>
    public static long Threshold => 2L * PartSize;

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            LoadAhead();
            if (_direct is not null)
            {
                var read = await _direct.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read > 0) return read;
                await _direct.DisposeAsync().ConfigureAwait(false);
                _direct = null;
            }
            else if (_part is not null)
            {
                await _part.Loaded.WaitAsync(cancellationToken).ConfigureAwait(false);
                var left = _part.Bytes[_partPosition..];
                var count = Math.Min(buffer.Length, left.Length);
                left[..count].CopyTo(buffer);
                _partPosition += count;
                if (_partPosition == _part.Bytes.Length)
                {
                    _part.Dispose();
                    _part = null;
                }
                return count;
            }
            else if (_ahead.TryDequeue(out _part))
            {
                _partPosition = 0;
            }
            else if (_next < _end)
            {
                // There is no memory for reading ahead, so this part is read directly from its response.
                var size = Math.Min(PartSize, _end - _next);
                _direct = new(_version, _next, size, response: null);
                _next += size;
            }
            else
            {
                return 0;
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_left.IsCancellationRequested)
        {
            _left.Cancel();
            _direct?.Dispose();
            if (_part is not null) _ahead.Enqueue(_part);
            // A buffer is returned only when nothing writes to it any more.
            foreach (var part in _ahead) _ = part.Loaded.ContinueWith(loading =>
            {
                // The failure is observed, but no longer matters.
                _ = loading.Exception;
                part.Dispose();
            }, TaskScheduler.Default);
            _ahead.Clear();
            _part = null;
        }
        base.Dispose(disposing);
    }

    private void LoadAhead()
    {
        while (_ahead.Count + (_part is null ? 0 : 1) < Width && _next < _end)
        {
            var size = (int)Math.Min(PartSize, _end - _next);
            if (PartBuffers.Loads.TryRent(size) is not { } buffer) return;
            _ahead.Enqueue(new(_version, _next, buffer, _left.Token));
            _next += size;
        }
    }

    private sealed class Part : IDisposable
    {
        private readonly PartBuffers.Lease _buffer;

        public Part(ObjectVersion version, long start, PartBuffers.Lease buffer, CancellationToken cancellationToken)
        {
            _buffer = buffer;
            Loaded = LoadAsync(version, start, cancellationToken);
        }

        public Task Loaded { get; }

        public Memory<byte> Bytes => _buffer.Memory;

        public void Dispose() => _buffer.Dispose();

        private async Task LoadAsync(ObjectVersion version, long start, CancellationToken cancellationToken)
        {
            var stream = new ObjectStream(version, start, _buffer.Memory.Length, response: null);
            await using (stream.ConfigureAwait(false))
                await stream.ReadExactlyAsync(_buffer.Memory, cancellationToken).ConfigureAwait(false);
        }
    }
}
