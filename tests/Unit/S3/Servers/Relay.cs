using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace BorgStore.Tests.S3.Servers;

/// <summary>A loopback port that receives connections and relays their bytes.</summary>
internal abstract class Relay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private readonly Task _loop;

    protected Relay()
    {
        _listener.Start();
        _loop = RunAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The number of connections made so far.</summary>
    public int ConnectionCount => _connections.Count;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _loop;
        await Task.WhenAll(_connections);
        _listener.Dispose();
        _end.Dispose();
    }

    /// <summary>Handles a new connection.</summary>
    protected abstract Task ServeAsync(Stream client, CancellationToken cancellationToken);

    protected static async Task<NetworkStream> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host, port, cancellationToken);
        return new(socket, ownsSocket: true);
    }

    /// <summary>Relays both ways until one side ends.</summary>
    protected static async Task JoinAsync(Stream client, Stream server, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var ways = new[] { client.CopyToAsync(server, either.Token), server.CopyToAsync(client, either.Token) };
        await Task.WhenAny(ways);
        await either.CancelAsync();
        await Task.WhenAll(ways);
    }

    private async Task RunAsync()
    {
        try
        {
            while (true) _connections.Add(HandleAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task HandleAsync(TcpClient connection)
    {
        using (connection)
        {
            connection.NoDelay = true;
            try
            {
                await ServeAsync(connection.GetStream(), _end.Token);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
            {
                // One side is gone, or does not trust the other.
            }
        }
    }
}
