using Renci.SshNet;

namespace BorgStore.Backends.SshNet;

/// <summary>The output and input of a running command as one stream. Reading and writing block, because SFTP's reader and writer have threads of their own.</summary>
/// <param name="command">The command.</param>
internal sealed class ChannelStream(SshCommand command) : Stream
{
    private readonly Stream _input = command.CreateInputStream();
    private volatile bool _isDisposed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => _isDisposed ? 0 : command.OutputStream.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count)
    {
        try
        {
            _input.Write(buffer, offset, count);
        }
        catch (Exception e) when (e is not (IOException or ObjectDisposedException) && SshNetFailure.IsFailure(e))
        {
            throw new IOException(e.Message, e);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var bytes = new byte[buffer.Length];
        var count = await Task.Run(() => Read(bytes, 0, bytes.Length), CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        bytes.AsMemory(0, count).CopyTo(buffer);
        return count;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var bytes = buffer.ToArray();
        await Task.Run(() => Write(bytes, 0, bytes.Length), CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            // Wakes up the reader, which then reads the end.
            command.OutputStream.Dispose();
        }
        base.Dispose(disposing);
    }
}
