using System.Buffers;
using BorgStore.Server.Stdio;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Requests on stdin, whose heads are rewritten: in whatever pieces they arrive, the result is the same.</summary>
internal sealed class RequestHeadTarget : IFuzzTarget
{
    public IReadOnlyList<string> Tokens =>
    [
        "\r\n", "\n", "\r\n\r\n", ":", " HTTP/1.1", " HTTP/1.0", "GET /", "POST /", "Host: x\r\n", "Connection: close\r\n", "Expect: 100-continue\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", " ", "\t", "\0",
    ];

    public void Run(byte[] input)
    {
        var whole = Rewrite(input, input.Length);
        foreach (var size in new[] { 1, 2, 7 }) Check.That(Rewrite(input, size).SequenceEqual(whole), () => $"Requests in pieces of {size} bytes are rewritten to something else.");
        // The rewriter adds a Host to each head, and a CR to each line that has none.
        Check.That(whole.Length <= 2 * input.Length + 16 * (1 + input.AsSpan().Count((byte)'\n')), () => "Requests become much longer.");
    }

    private static byte[] Rewrite(byte[] input, int size)
    {
        var output = new ArrayBufferWriter<byte>(input.Length + 64);
        var rewriter = new RequestHeadRewriter(output);
        for (var at = 0; at < input.Length; at += size) rewriter.Write(input.AsSpan(at, Math.Min(size, input.Length - at)));
        return output.WrittenSpan.ToArray();
    }
}
