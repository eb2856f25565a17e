using BorgStore.Backends;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Files;

/// <summary>A value that keeps its stores open until it is disposed or read to its end.</summary>
internal sealed class LeasedStream(ValueStream value, params StoreLease[] leases) : ReadOnlyStream
{
    private long _left = value.Length;
    private int _isDisposed;

    public override long Length => value.Length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0) return 0;
        var read = await value.ReadAsync(buffer, cancellationToken);
        if (IsAtEnd(read)) await DisposeAsync();
        return read;
    }

    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await value.DisposeAsync();
            foreach (var lease in leases) await lease.DisposeAsync();
        }
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            value.Dispose();
            Task.Run(async () =>
            {
                foreach (var lease in leases) await lease.DisposeAsync();
            }).Wait();
        }
        base.Dispose(disposing);
    }

    private bool IsAtEnd(int read)
    {
        _left = read == 0 ? 0 : _left - read;
        return _left == 0;
    }
}
