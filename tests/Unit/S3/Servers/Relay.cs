using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace BorgStore.Tests.S3;

/// <summary>Something on a loopback port that stands in the way of connections and hands their bytes on.</summary>
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

    /// <summary>How many connections were made so far.</summary>
    public int ConnectionCount => _connections.Count;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _loop;
        await Task.WhenAll(_connections);
        _listener.Dispose();
        _end.Dispose();
    }

    /// <summary>Does what has to be done with a new connection.</summary>
    protected abstract Task ServeAsync(Stream client, CancellationToken cancellationToken);

    protected static async Task<NetworkStream> ConnectAsync(string host, int port, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host, port, cancellationToken);
        return new(socket, ownsSocket: true);
    }

    /// <summary>Hands on both ways until one side has no more to say.</summary>
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
                // A side went away, or does not trust the other.
            }
        }
    }
}
