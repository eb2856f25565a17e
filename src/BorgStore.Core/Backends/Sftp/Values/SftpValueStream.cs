using BorgStore.Backends.Sftp.Packets;
using BorgStore.Hashing;

namespace BorgStore.Backends.Sftp.Values;

/// <summary>A value that is received from an SFTP server while it is read.</summary>
/// <param name="name">The item.</param>
/// <param name="start">The first byte.</param>
/// <param name="count">The number of bytes.</param>
/// <param name="first">The first bytes, which were read together with the opening.</param>
/// <param name="download">Reads the rest; <see langword="null"/> if there is none.</param>
/// <param name="resume">Continues from an offset after the connection was lost, if what is before it has not changed;
/// <see langword="null"/> if there is nothing to continue.</param>
internal sealed class SftpValueStream(string name, long start, long count, Reply first, Download? download,
    Func<long, Fingerprint, CancellationToken, ValueTask<Download>>? resume) : ValueStream
{
    private readonly long _end = start + count;
    private long _position = start;
    private Fingerprint _passed;
    private Reply _current = first;
    private int _used;
    private Download? _download = download;
    private Task<Reply>? _next;

    public override long Length => count;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_used == _current.Content.Length && _position < _end && buffer.Length > 0)
            await FetchAsync(cancellationToken).ConfigureAwait(false);
        return Copy(buffer.Span);
    }

    public override ValueTask DisposeAsync()
    {
        Dispose(true);
        return base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _current.Dispose();
            _used = 0;
            _position = _end;
            if (_download is { } download)
            {
                _download = null;
                // Requests in flight are completed and discarded in the background.
                _ = EndAsync(download);
            }
        }
        base.Dispose(disposing);
    }

    private async Task EndAsync(Download download)
    {
        if (_next is not null) await Reply.DropAsync(new(_next)).ConfigureAwait(false);
        await download.DisposeAsync().ConfigureAwait(false);
    }

    private int Copy(Span<byte> buffer)
    {
        var length = (int)Math.Min(Math.Min(buffer.Length, _current.Content.Length - _used), _end - _position);
        var bytes = _current.Content.Span.Slice(_used, length);
        bytes.CopyTo(buffer);
        if (resume is not null) _passed.Append(bytes);
        _used += length;
        _position += length;
        return length;
    }

    private async ValueTask FetchAsync(CancellationToken cancellationToken)
    {
        _current.Dispose();
        _used = 0;
        while (true)
        {
            try
            {
                _download ??= await resume!(_position, _passed, cancellationToken).ConfigureAwait(false);
                // The request continues if the caller cancels, and a later read can still use it.
                _next ??= _download.NextAsync().AsTask();
                _current = await _next.WaitAsync(cancellationToken).ConfigureAwait(false);
                _next = null;
                break;
            }
            catch (StoreException e) when (e.Error is StoreError.ConnectionLost or StoreError.Timeout && _download is not null)
            {
                await _download.DisposeAsync().ConfigureAwait(false);
                _download = null;
                _next = null;
            }
        }
        if (_current.IsOk && _current.Content.Length > 0) return;
        throw new StoreException(StoreError.BackendFailure, _current.Status is StatusCode.Ok or StatusCode.EndOfFile
            ? $"'{name}' ended {_end - _position} bytes too early; it was changed on the server while it was being read."
            : $"'{name}' could not be read: the server answers with status {(uint)_current.Status} {_current.Message}.", name);
    }
}
