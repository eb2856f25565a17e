using System.Net;
using System.Net.Sockets;

namespace BorgStore.Tests.Rest;

/// <summary>A connection to a server that fails on request.</summary>
internal sealed class FaultyConnection : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Uri _server;
    private readonly CancellationTokenSource _end = new();

    public FaultyConnection(string serverUrl)
    {
        _server = new(serverUrl);
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>The number of responses still to be cut off before their first byte.</summary>
    public int AnswersToCut { get; set; }

    /// <summary>The number of connections still to be closed as soon as they are made.</summary>
    public int ConnectionsToRefuse { get; set; }

    /// <summary>The delay of each piece of a response.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Changes the bytes that the client sends.</summary>
    public Action<byte[], int>? ToServer { get; set; }

    /// <summary>Changes the bytes that the server sends.</summary>
    public Action<byte[], int>? ToClient { get; set; }

    public ValueTask DisposeAsync()
    {
        _end.Cancel();
        _listener.Stop();
        return default;
    }

    private async Task AcceptAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_end.Token);
            if (ConnectionsToRefuse > 0)
            {
                ConnectionsToRefuse--;
                client.Client.LingerState = new(true, 0);
                client.Dispose();
                continue;
            }
            _ = ServeAsync(client);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var server = new TcpClient(_server.Host, _server.Port);
        using (client)
        {
            await Task.WhenAny(
                PumpAsync(client.GetStream(), server.GetStream(), isAnswer: false),
                PumpAsync(server.GetStream(), client.GetStream(), isAnswer: true));
        }
    }

    private async Task PumpAsync(NetworkStream from, NetworkStream to, bool isAnswer)
    {
        var buffer = new byte[64 << 10];
        try
        {
            while (await from.ReadAsync(buffer, _end.Token) is > 0 and var count)
            {
                if (isAnswer && AnswersToCut > 0)
                {
                    AnswersToCut--;
                    return;
                }
                if (isAnswer && Delay > TimeSpan.Zero) await Task.Delay(Delay, _end.Token);
                (isAnswer ? ToClient : ToServer)?.Invoke(buffer, count);
                await to.WriteAsync(buffer.AsMemory(0, count), _end.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One of the two is gone.
        }
    }
}
