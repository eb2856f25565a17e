using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading.Tasks;

/// <summary>A connection to a server on this machine that can be lost.</summary>
public sealed class CuttingProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _open = new();
    private readonly int _target;
    private int _left;

    public CuttingProxy(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Ends all connections, and loses the next ones as soon as a request arrives.</summary>
    public void Cut(int count)
    {
        lock (_open)
        {
            _left = count;
            foreach (var connection in _open) connection.Close();
            _open.Clear();
        }
    }

    public void Dispose()
    {
        _listener.Stop();
        Cut(0);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient();
        try
        {
            bool isLost;
            lock (_open)
            {
                isLost = _left-- > 0;
                _open.Add(client);
                _open.Add(server);
            }
            if (isLost)
            {
                _ = await client.GetStream().ReadAsync(new byte[1]);
                return;
            }
            await server.ConnectAsync(IPAddress.Loopback, _target);
            await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(client.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Cut.
        }
        finally
        {
            client.Close();
        }
    }
}
