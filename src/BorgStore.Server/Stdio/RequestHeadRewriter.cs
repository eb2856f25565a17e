using System.Buffers;
using System.Text;

namespace BorgStore.Server.Stdio;

/// <summary>Rewrites the headers of incoming requests, so that Kestrel treats stdin as a connection of a single client.</summary>
/// <remarks>
/// The Python client sends no Host on stdin, which Kestrel would reject. Anything that would close the connection after a response
/// (<c>Connection: close</c>, HTTP/1.0) or send an interim response (<c>Expect</c>) is meaningless here and removed.
/// </remarks>
internal sealed class RequestHeadRewriter(IBufferWriter<byte> output)
{
    private const int MaxHeadSize = 64 << 10;
    private readonly ArrayBufferWriter<byte> _head = new(1024);
    private long _bodyLeft;
    private bool _isPassThrough;

    /// <summary>Passes received bytes on to Kestrel.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (_isPassThrough)
            {
                output.Write(bytes);
                return;
            }
            if (_bodyLeft > 0)
            {
                var body = bytes[..(int)Math.Min(_bodyLeft, bytes.Length)];
                output.Write(body);
                _bodyLeft -= body.Length;
                bytes = bytes[body.Length..];
                continue;
            }
            // A head ends with an empty line and may arrive in pieces of any size.
            var lineEnd = bytes.IndexOf((byte)'\n');
            var piece = lineEnd < 0 ? bytes : bytes[..(lineEnd + 1)];
            _head.Write(piece);
            bytes = bytes[piece.Length..];
            var head = _head.WrittenSpan;
            if (head.EndsWith("\r\n\r\n"u8) || head.EndsWith("\n\n"u8)) WriteHead(head);
            else if (head.Length > MaxHeadSize) WriteUnchanged();
        }
    }

    private void WriteHead(ReadOnlySpan<byte> head)
    {
        var lines = Encoding.Latin1.GetString(head).TrimEnd('\r', '\n').Split('\n');
        var rewritten = new StringBuilder(head.Length + 32);
        var requestLine = lines[0].TrimEnd('\r');
        rewritten.Append(requestLine.EndsWith(" HTTP/1.0", StringComparison.Ordinal) ? requestLine[..^1] + '1' : requestLine).Append("\r\n");

        var hasHost = false;
        long? length = null;
        foreach (var line in lines.AsSpan(1))
        {
            var colon = line.IndexOf(':');
            var name = colon < 0 ? "" : line[..colon].ToLowerInvariant();
            switch (name)
            {
                case "connection" or "expect":
                    continue;
                case "host":
                    hasHost = true;
                    break;
                case "content-length" when length is null && long.TryParse(line.AsSpan(colon + 1).Trim(), out var number) && number >= 0:
                    length = number;
                    break;
                case "content-length" or "transfer-encoding":
                    // Only Kestrel can find the end of such a body, and with it the start of later heads.
                    _isPassThrough = true;
                    break;
            }
            rewritten.Append(line.AsSpan().TrimEnd('\r')).Append("\r\n");
        }
        if (!hasHost) rewritten.Append("Host: stdio\r\n");
        rewritten.Append("\r\n");
        output.Write(Encoding.Latin1.GetBytes(rewritten.ToString()));
        _head.ResetWrittenCount();
        _bodyLeft = length ?? 0;
    }

    private void WriteUnchanged()
    {
        output.Write(_head.WrittenSpan);
        _head.ResetWrittenCount();
        _isPassThrough = true;
    }
}
