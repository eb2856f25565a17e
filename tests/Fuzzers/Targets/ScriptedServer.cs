using System.Runtime.CompilerServices;
using System.Text;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>A server in memory that answers an HTTP client with the next part of an input, whatever it asks for.</summary>
/// <remarks>The answers are separated by <c>~</c>. One that does not begin with <c>HTTP/</c> is a status, headers, an empty line and a body,
/// and becomes a whole one with the length of its body, so that a change of the body leaves it readable. Each answer ends its connection.</remarks>
internal sealed class ScriptedServer
{
    private const byte Separator = (byte)'~';

    private readonly Queue<byte[]> _answers = new();

    /// <summary>Makes a client connect to this server.</summary>
    /// <param name="client">The client, before its first request.</param>
    public void Attach(HttpMessageInvoker client)
    {
        var handler = HandlerOf(client);
        while (handler is DelegatingHandler { InnerHandler: { } inner }) handler = inner;
        var sockets = (SocketsHttpHandler)handler;
        (sockets.UseProxy, sockets.ConnectCallback) = (false, (_, _) => new(new AnswerStream(_answers.TryDequeue(out var answer) ? answer : [])));
    }

    /// <summary>Replaces the answers that are left.</summary>
    /// <param name="script">The answers.</param>
    public void Use(ReadOnlySpan<byte> script)
    {
        _answers.Clear();
        foreach (var range in script.Split(Separator)) _answers.Enqueue(Complete(script[range]));
    }

    /// <summary>Replaces the answers that are left.</summary>
    /// <param name="script">The answers.</param>
    public void Use(string script) => Use(Encoding.UTF8.GetBytes(script));

    private static byte[] Complete(ReadOnlySpan<byte> answer)
    {
        if (answer.StartsWith("HTTP/"u8)) return answer.ToArray();
        var end = answer.IndexOf("\n\n"u8);
        var head = Encoding.Latin1.GetString(end < 0 ? answer : answer[..end]).Replace("\r", "", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal);
        var body = end < 0 ? [] : answer[(end + 2)..];
        var hasLength = head.Contains("\nContent-Length:", StringComparison.OrdinalIgnoreCase) || head.Contains("\nTransfer-Encoding:", StringComparison.OrdinalIgnoreCase);
        return [.. Encoding.Latin1.GetBytes($"HTTP/1.1 {head}\r\n{(hasLength ? "" : $"Content-Length: {body.Length}\r\n")}\r\n"), .. body];
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_handler")]
    private static extern ref HttpMessageHandler HandlerOf(HttpMessageInvoker client);

    /// <summary>Gives the bytes of an answer, and takes whatever is sent.</summary>
    private sealed class AnswerStream(byte[] answer) : MemoryStream(answer, writable: false)
    {
        public override bool CanWrite => true;

        public override void Write(byte[] buffer, int offset, int count)
        {
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.CompletedTask;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => default;
    }
}
