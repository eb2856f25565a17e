using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BorgStore.Tests.Answers;

/// <summary>A request that a scripted server received.</summary>
internal sealed record ScriptedRequest(string Method, string Target, string Head)
{
    public string Path => Target.Split('?')[0];

    public bool Is(string method, string beginning) => Method == method && Target.StartsWith(beginning, StringComparison.Ordinal);
}

/// <summary>A server on a socket that sends exactly the bytes a test specifies, HTTP or not.</summary>
internal sealed class ScriptedHttp : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<Socket, byte> _connections = new();
    private readonly string? _path;
    private long _mostEndless;

    public ScriptedHttp(Func<ScriptedRequest, byte[]?> answer, string? unixSocket = null)
    {
        (Answer, _path) = (answer, unixSocket);
        _listener = unixSocket is null ? new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) : new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(unixSocket is null ? new IPEndPoint(IPAddress.Loopback, 0) : new UnixDomainSocketEndPoint(unixSocket));
        _listener.Listen(100);
        _ = AcceptAsync();
    }

    /// <summary>Returns the response to a request, or <see langword="null"/> for silence.</summary>
    public Func<ScriptedRequest, byte[]?> Answer { get; set; }

    /// <summary>Bytes to repeat forever after a response, or <see langword="null"/> if it ends.</summary>
    public byte[]? Endless { get; set; }

    /// <summary>The most bytes that a client took, and the system held for it, of an endless response.</summary>
    public long MostEndless => Volatile.Read(ref _mostEndless);

    /// <summary>How long a connection may wait for its next request. A client that parsed
    /// a response differently may be waiting for its end.</summary>
    public TimeSpan IdleTimeout { get; set; } = Timeout.InfiniteTimeSpan;

    public ConcurrentQueue<ScriptedRequest> Requests { get; } = new();

    public string Url => _path is null ? $"http://{_listener.LocalEndPoint}" : $"http+unix://{Uri.EscapeDataString(_path)}";

    /// <summary>Returns a response with its length.</summary>
    public static byte[] Http(string head, string body = "") => Http(head, Encoding.UTF8.GetBytes(body));

    /// <summary>Returns a response with its length, unless the head has one.</summary>
    public static byte[] Http(string head, byte[] body)
    {
        var length = head.Contains("Content-Length", StringComparison.OrdinalIgnoreCase) || head.Contains("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)
            ? "" : $"Content-Length: {body.Length}\r\n";
        return [.. Encoding.Latin1.GetBytes($"HTTP/1.1 {head.ReplaceLineEndings("\r\n").TrimEnd()}\r\n{length}\r\n"), .. body];
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        foreach (var connection in _connections.Keys) connection.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync(_end.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        _connections[socket] = 0;
        using var stream = new NetworkStream(socket, ownsSocket: true);
        var pending = new List<byte>();
        try
        {
            while (await ReadRequestAsync(stream, pending) is { } request)
            {
                Requests.Enqueue(request);
                if (Answer(request) is not { } answer)
                {
                    await Task.Delay(Timeout.Infinite, _end.Token);
                    return;
                }
                await stream.WriteAsync(answer, _end.Token);
                var sent = 0L;
                while (Endless is { } more)
                {
                    await stream.WriteAsync(more, _end.Token);
                    sent += more.Length;
                    if (sent > MostEndless) Volatile.Write(ref _mostEndless, sent);
                }
                // A response without a length, or with a wrong one, ends with its connection.
                if (!Keeps(request, answer)) return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone.
        }
        finally
        {
            _connections.TryRemove(socket, out _);
        }
    }

    private static bool Keeps(ScriptedRequest request, byte[] answer)
    {
        var text = Encoding.Latin1.GetString(answer);
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        return end >= 0 && (request.Method == "HEAD" ? text.Length == end + 4
            : text[..end].Contains($"\r\nContent-Length: {text.Length - end - 4}\r\n", StringComparison.OrdinalIgnoreCase)
                || text[..end].EndsWith($"\r\nContent-Length: {text.Length - end - 4}", StringComparison.OrdinalIgnoreCase));
    }

    private async Task<ScriptedRequest?> ReadRequestAsync(NetworkStream stream, List<byte> pending)
    {
        var buffer = new byte[16 << 10];
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        idle.CancelAfter(IdleTimeout);
        while (true)
        {
            var text = Encoding.Latin1.GetString([.. pending]);
            var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                var head = text[..end];
                var length = head.Split("\r\n").Where(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                    .Select(line => int.Parse(line.AsSpan(15), null)).FirstOrDefault();
                if (pending.Count >= end + 4 + length)
                {
                    pending.RemoveRange(0, end + 4 + length);
                    var line = head.Split(' ', 3);
                    return new(line[0], line[1], head);
                }
            }
            var count = await stream.ReadAsync(buffer, idle.Token);
            if (count == 0) return null;
            // Like any real server, does not keep a client waiting that tries TLS.
            if (pending.Count == 0 && buffer[0] == 0x16) return null;
            pending.AddRange(buffer.AsSpan(0, count));
        }
    }
}
