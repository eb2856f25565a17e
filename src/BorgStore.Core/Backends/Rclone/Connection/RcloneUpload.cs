using System.Buffers;
using System.Net.Sockets;
using System.Text;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>A value that is offered to rclone for fetching.</summary>
/// <param name="address">The address of the value.</param>
/// <param name="value">The value.</param>
/// <param name="withdraw">Called when the value is no longer offered.</param>
internal sealed class RcloneUpload(Uri address, StoreValue value, Action withdraw) : IAsyncDisposable
{
    private const int BufferSize = 128 * 1024;

    private readonly CancellationTokenSource _aborted = new();
    private readonly object _lock = new();
    private Task<bool> _sending = Task.FromResult(false);
    private Socket? _socket;

    /// <summary>The address from which rclone fetches the value.</summary>
    public Uri Address => address;

    /// <summary>Returns whether rclone received every byte, to be called after its response, which may arrive before the sending ends.</summary>
    public Task<bool> WasSentAsync() => _sending;

    /// <summary>The exception that the source of the value threw.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Stops sending, so that rclone sees a truncated value and discards it.</summary>
    public void Abort()
    {
        lock (_lock)
        {
            _aborted.Cancel();
            // A source that ignores cancellation must not keep rclone waiting.
            _socket?.Close(0);
        }
    }

    /// <summary>Answers a request for the value.</summary>
    /// <param name="socket">The connection of the request.</param>
    /// <returns>Whether the whole value was sent, so that another request may follow.</returns>
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
        // Reading from a source may take long, and the caller holds the lock.
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
                    // The beginning of the value is sent together with the header.
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
            // Reset the connection, so that the bytes sent never pass as the whole value.
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
