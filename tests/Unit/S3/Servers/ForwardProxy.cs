using System.Collections.Concurrent;
using System.Text;

namespace BorgStore.Tests.S3.Servers;

/// <summary>A typical corporate proxy, which accepts requests for full URLs and opens tunnels.</summary>
internal sealed class ForwardProxy : Relay
{
    public Uri Address => new($"http://127.0.0.1:{Port}");

    /// <summary>The requests received, such as <c>GET http://host/path</c> or <c>CONNECT host:443</c>.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    protected override async Task ServeAsync(Stream client, CancellationToken cancellationToken)
    {
        var head = await ReadHeadAsync(client, cancellationToken);
        if (head.Split(' ', 3) is not [var method, var target, var rest]) return;
        Requests.Enqueue($"{method} {target}");
        if (method == "CONNECT")
        {
            var colon = target.LastIndexOf(':');
            await using var tunnel = await ConnectAsync("127.0.0.1", int.Parse(target[(colon + 1)..]), cancellationToken);
            await client.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), cancellationToken);
            await JoinAsync(client, tunnel, cancellationToken);
            return;
        }
        var server = new Uri(target);
        var path = target[target.IndexOf('/', "http://".Length)..];
        await using var line = await ConnectAsync("127.0.0.1", server.Port, cancellationToken);
        // One request per connection, so that each is recorded.
        var request = $"{method} {path} {rest.Insert(rest.IndexOf("\r\n", StringComparison.Ordinal), "\r\nConnection: close")}";
        await line.WriteAsync(Encoding.Latin1.GetBytes(request), cancellationToken);
        await JoinAsync(client, line, cancellationToken);
    }

    private static async Task<string> ReadHeadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (await stream.ReadAsync(one, cancellationToken) == 1)
        {
            head.Append((char)one[0]);
            if (one[0] == '\n' && head.Length >= 4 && head[^2] == '\r' && head[^3] == '\n') return head.ToString();
        }
        return "";
    }
}
