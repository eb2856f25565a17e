using System.Net;
using System.Net.Sockets;

namespace BorgStore.Tests.Sftp;

/// <summary>A connection between ssh and a server that can be long, slow, stuck or cut.</summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly List<(TcpClient Client, TcpClient Server)> _lines = [];
    private readonly int _target;
    private long _bytes;

    public FaultProxy(int target)
    {
        _target = target;
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The latency in each direction.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The bandwidth in each direction [bytes/s], or 0 without a limit.</summary>
    public int Rate { get; set; }

    /// <summary>Whether the connection silently passes nothing.</summary>
    public bool IsStuck { get; set; }

    /// <summary>Whether new connections are refused.</summary>
    public bool IsClosed { get; set; }

    /// <summary>The number of bytes passed in both directions.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Cuts all connections.</summary>
    public void Cut()
    {
        lock (_lines)
        {
            foreach (var (client, server) in _lines)
            {
                client.Close();
                server.Close();
            }
            _lines.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Dispose();
        Cut();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_ended.Token);
                if (IsClosed)
                {
                    client.Close();
                    continue;
                }
                var server = new TcpClient { NoDelay = true };
                client.NoDelay = true;
                await server.ConnectAsync(IPAddress.Loopback, _target, _ended.Token);
                lock (_lines) _lines.Add((client, server));
                _ = PassAsync(client, server);
                _ = PassAsync(server, client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    // Reading and writing are separate loops, so that a delay does not hold up the following data.
    private async Task PassAsync(TcpClient from, TcpClient to)
    {
        var inFlight = System.Threading.Channels.Channel.CreateBounded<(byte[] Bytes, long DueAt)>(4096);
        var writing = WriteAsync(to, inFlight.Reader);
        try
        {
            var buffer = new byte[64 * 1024];
            while (await from.GetStream().ReadAsync(buffer, _ended.Token) is > 0 and var read)
            {
                Interlocked.Add(ref _bytes, read);
                await inFlight.Writer.WriteAsync((buffer[..read], Environment.TickCount64 + (long)Delay.TotalMilliseconds), _ended.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
        }
        inFlight.Writer.Complete();
        await writing;
        from.Close();
        to.Close();
    }

    private async Task WriteAsync(TcpClient to, System.Threading.Channels.ChannelReader<(byte[] Bytes, long DueAt)> inFlight)
    {
        try
        {
            await foreach (var (bytes, dueAt) in inFlight.ReadAllAsync(_ended.Token))
            {
                if (dueAt - Environment.TickCount64 is > 0 and var wait) await Task.Delay((int)wait, _ended.Token);
                while (IsStuck) await Task.Delay(10, _ended.Token);
                await to.GetStream().WriteAsync(bytes, _ended.Token);
                if (Rate > 0) await Task.Delay(TimeSpan.FromSeconds((double)bytes.Length / Rate), _ended.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection was cut; data still coming from the other side is dropped.
            to.Close();
        }
    }
}
