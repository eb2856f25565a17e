using BorgStore.Processes;

namespace BorgStore.Backends.Rest;

/// <summary>The stdin and stdout of a child process as one connection.</summary>
/// <param name="child">The child, which is ended together with the connection.</param>
/// <param name="ended">Called after it ended, with its exit code and its stderr.</param>
internal sealed class ChildStream(ChildProcess child, Action<ChildStream, int, string> ended) : Stream
{
    private readonly object _lock = new();
    private Task? _ending;

    /// <summary>Whether the child ever sent anything.</summary>
    public bool HasResponded { get; private set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await child.Stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (count > 0) HasResponded = true;
        // Report the reason for its end before the reader sees the end.
        else if (buffer.Length > 0) await EndAsync().ConfigureAwait(false);
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        => child.Stream.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => child.Stream.FlushAsync(cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => child.Stream.Flush();

    public override int Read(byte[] buffer, int offset, int count) => child.Stream.Read(buffer, offset, count);

    public override void Write(byte[] buffer, int offset, int count) => child.Stream.Write(buffer, offset, count);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await EndAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    // HttpClient closes connections without waiting; disposing the transport waits.
    protected override void Dispose(bool disposing)
    {
        if (disposing) _ = EndAsync();
        base.Dispose(disposing);
    }

    private Task EndAsync()
    {
        lock (_lock) return _ending ??= Task.Run(EndCoreAsync);
    }

    private async Task EndCoreAsync()
    {
        await child.DisposeAsync().ConfigureAwait(false);
        ended(this, await child.Exited.ConfigureAwait(false), child.Errors);
    }
}
