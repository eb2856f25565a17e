using System.Net.Sockets;
using System.Text;

namespace BorgStore.Tests.Server;

/// <summary>A response as received.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>Sends HTTP byte by byte, in ways that no client library does.</summary>
internal sealed class RawClient(Stream stream) : IDisposable
{
    public const string Accept = "Accept: application/vnd.x.borgstore.rest.v1\r\n";

    private readonly List<byte> _ahead = [];

    public static RawClient Connect(Uri address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(address.Host, address.Port);
        socket.ReceiveTimeout = 30_000;
        return new(new NetworkStream(socket, ownsSocket: true));
    }

    /// <summary>Returns a request with the headers of every valid one.</summary>
    public static string Request(string method, string target, string headers = "", int? length = null)
        => $"{method} {target} HTTP/1.1\r\nHost: test\r\n{Accept}{headers}{(length is null ? "" : $"Content-Length: {length}\r\n")}\r\n";

    public void Send(string text) => Send(Encoding.Latin1.GetBytes(text));

    public void Send(ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        stream.Flush();
    }

    public RawAnswer Exchange(string method, string target, string headers = "", byte[]? body = null)
    {
        Send([.. Encoding.Latin1.GetBytes(Request(method, target, headers, body?.Length)), .. body ?? []]);
        return Receive(method == "HEAD");
    }

    /// <summary>Reads one response, or returns <see langword="null"/> if the server has closed the connection.</summary>
    public RawAnswer? TryReceive(bool isHead = false)
    {
        try
        {
            return Receive(isHead);
        }
        catch (Exception e) when (e is EndOfStreamException or IOException { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionReset } })
        {
            return null;
        }
    }

    public RawAnswer Receive(bool isHead = false)
    {
        var head = ReadUntil("\r\n\r\n").Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = head[1..].Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim(), StringComparer.OrdinalIgnoreCase);
        var status = int.Parse(head[0].Split(' ')[1]);
        if (isHead || status is 204 or 304) return new(status, headers, []);
        if (headers.TryGetValue("Content-Length", out var length)) return new(status, headers, ReadExactly(int.Parse(length)));

        var body = new List<byte>();
        while (int.Parse(ReadUntil("\r\n"), System.Globalization.NumberStyles.HexNumber) is > 0 and var size)
        {
            body.AddRange(ReadExactly(size));
            ReadUntil("\r\n");
        }
        ReadUntil("\r\n");
        return new(status, headers, [.. body]);
    }

    public void Dispose() => stream.Dispose();

    private string ReadUntil(string end)
    {
        var text = new StringBuilder();
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal)) text.Append((char)ReadExactly(1)[0]);
        return text.ToString()[..^end.Length];
    }

    private byte[] ReadExactly(int count)
    {
        var buffer = new byte[64 << 10];
        while (_ahead.Count < count)
        {
            var read = stream.Read(buffer);
            if (read == 0) throw new EndOfStreamException();
            _ahead.AddRange(buffer.AsSpan(0, read));
        }
        var bytes = _ahead.Take(count).ToArray();
        _ahead.RemoveRange(0, count);
        return bytes;
    }
}
