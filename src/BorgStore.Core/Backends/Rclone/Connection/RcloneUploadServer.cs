using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>A minimal HTTP server on a loopback port, from which rclone fetches the values that it uploads.</summary>
/// <remarks>
/// Rclone also accepts values in the body of a call, but without their length: if a remote needs the length in advance, it
/// would spool them in memory or on disk, and it accepts a truncated small value as complete unless told to stream everything.
/// A fetched value has a known length, and truncating it is an error. The address of a value is a secret for that one upload.
/// </remarks>
internal sealed class RcloneUploadServer : IDisposable
{
    private const int MaxRequestSize = 16 * 1024;
    private const int TokenSize = 16;

    private readonly ConcurrentDictionary<string, RcloneUpload> _uploads = new();
    private readonly ConcurrentDictionary<Socket, bool> _connections = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly string _address;

    /// <summary>Starts listening.</summary>
    public RcloneUploadServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(512);
        _address = $"http://{_listener.LocalEndPoint}/";
        _ = AcceptAsync();
    }

    /// <summary>Offers a value to rclone.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The offer, which lasts until it is disposed.</returns>
    public RcloneUpload Add(StoreValue value)
    {
        var token = Convert.ToHexString(RandomNumberGenerator.GetBytes(TokenSize));
        return _uploads[token] = new RcloneUpload(new Uri(_address + token), value, () => _uploads.TryRemove(token, out _));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _listener.Dispose();
        foreach (var connection in _connections.Keys) connection.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync().ConfigureAwait(false));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The source was disposed.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        _connections[socket] = true;
        var buffer = new byte[1024];
        var length = 0;
        try
        {
            socket.NoDelay = true;
            while (true)
            {
                var end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
                if (end >= 0)
                {
                    if (!await AnswerAsync(socket, buffer.AsMemory(0, end)).ConfigureAwait(false)) return;
                    buffer.AsSpan(end + 4, length - end - 4).CopyTo(buffer);
                    length -= end + 4;
                    continue;
                }
                if (length == buffer.Length)
                {
                    if (length >= MaxRequestSize) return;
                    Array.Resize(ref buffer, 2 * length);
                }
                var read = await socket.ReceiveAsync(buffer.AsMemory(length)).ConfigureAwait(false);
                if (read == 0) return;
                length += read;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Rclone has closed the connection, or this source is being disposed.
        }
        finally
        {
            _connections.TryRemove(socket, out _);
            socket.Dispose();
        }
    }

    private async Task<bool> AnswerAsync(Socket socket, ReadOnlyMemory<byte> request)
    {
        if (FindUpload(request.Span) is { } upload && await upload.SendAsync(socket).ConfigureAwait(false)) return true;
        await socket.SendAsync("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray()).ConfigureAwait(false);
        return false;
    }

    // "GET /TOKEN HTTP/1.1"
    private RcloneUpload? FindUpload(ReadOnlySpan<byte> request)
    {
        if (!request.StartsWith("GET /"u8)) return null;
        var path = request[5..];
        var length = path.IndexOf((byte)' ');
        return length == 2 * TokenSize ? _uploads.GetValueOrDefault(System.Text.Encoding.ASCII.GetString(path[..length])) : null;
    }
}
