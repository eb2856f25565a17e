using System.Buffers;
using System.Net.Sockets;
using System.Text;

namespace BorgStore.Backends.Rclone;

/// <summary>A value that waits for rclone to fetch it.</summary>
/// <param name="address">Where rclone finds it.</param>
/// <param name="value">The value.</param>
/// <param name="withdraw">Called once when it is no longer offered.</param>
internal sealed class RcloneUpload(Uri address, StoreValue value, Action withdraw) : IAsyncDisposable
{
    private const int BufferSize = 128 * 1024;

    private readonly CancellationTokenSource _aborted = new();
    private readonly object _lock = new();
    private Task<bool> _sending = Task.FromResult(false);
    private Socket? _socket;

    /// <summary>Where rclone finds the value.</summary>
    public Uri Address => address;

    /// <summary>Whether rclone got every byte, once it has answered. Its answer may overtake the end of the sending.</summary>
    public Task<bool> WasSentAsync() => _sending;

    /// <summary>What the source of the value threw.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Stops, so that rclone sees the value cut off and keeps nothing of it.</summary>
    public void Abort()
    {
        lock (_lock)
        {
            _aborted.Cancel();
            // A source that heeds no cancellation shall not keep rclone waiting.
            _socket?.Close(0);
        }
    }

    /// <summary>Answers a request for the value.</summary>
    /// <param name="socket">The connection that the request came over.</param>
    /// <returns>Whether the value was sent as a whole, so that another request may follow.</returns>
    public Task<bool> SendAsync(Socket socket)
    {
        lock (_lock)
        {
            if (_aborted.IsCancellationRequested || !_sending.IsCompleted || (_socket is not null && !value.CanReadAgain))
                return Task.FromResult(false);
            _socket = socket;
            return _sending = SendValueAsync(socket);
        }
    }

    /// <summary>Withdraws the offer and waits until the source of the value is no longer in use.</summary>
    public async ValueTask DisposeAsync()
    {
        withdraw();
        if (!_sending.IsCompleted) Abort();
        await _sending.ConfigureAwait(false);
        _aborted.Dispose();
    }

    private async Task<bool> SendValueAsync(Socket socket)
    {
        // Reading from a source may take its time; the caller holds the lock.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            Failure = null;
            var filled = Encoding.ASCII.GetBytes(
                $"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {value.Length}\r\n\r\n", buffer);
            var stream = value.OpenStream();
            await using (stream.ConfigureAwait(false))
            {
                for (var left = value.Length; filled > 0 || left > 0; filled = 0)
                {
                    // The beginning of the value leaves together with what stands before it.
                    var wanted = (int)Math.Min(buffer.Length - filled, left);
                    await ReadAsync(stream, buffer.AsMemory(filled, wanted)).ConfigureAwait(false);
                    left -= wanted;
                    for (var rest = buffer.AsMemory(0, filled + wanted); rest.Length > 0;)
                        rest = rest[await socket.SendAsync(rest, _aborted.Token).ConfigureAwait(false)..];
                }
            }
            return true;
        }
        catch (Exception)
        {
            // An end without a farewell, so that what was sent is never taken for the whole.
            socket.Close(0);
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async ValueTask ReadAsync(Stream stream, Memory<byte> memory)
    {
        try
        {
            await stream.ReadExactlyAsync(memory, _aborted.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!_aborted.IsCancellationRequested)
        {
            Failure = e;
            throw;
        }
    }
}
