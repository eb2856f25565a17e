using System.Buffers.Binary;
using System.Text;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Processes;
using BorgStore.Tests.Fuzzing.Driver;

namespace BorgStore.Tests.Fuzzing.Targets;

/// <summary>Answers of an SFTP server to whole operations.</summary>
/// <remarks>An input is the letter of an operation, and answers separated by <c>~</c>: the type of a packet and what follows the id of its request.
/// An upper-case letter is for a server without extensions. When all answers are used, the server says "end of file".</remarks>
internal sealed class SftpAnswerTarget : IFuzzTarget
{
    private static readonly string[] Extensions = ["limits@openssh.com", "posix-rename@openssh.com", "hardlink@openssh.com", "fsync@openssh.com", "statvfs@openssh.com", "copy-data", "check-file"];
    private static readonly SftpUrl Url = SftpUrl.Parse("sftp://host/store?connections=1&timeout=5");

    public IReadOnlyList<string> Tokens =>
    [
        "~", "e\0\0\0\0", "e\0\0\0\u0001", "e\0\0\0\u0002", "e\0\0\0\u0004", "f\0\0\0\u0001h", "g\0\0\0\u0006012345", "h\0\0\0\u0001\0\0\0\u0001a\0\0\0\0\0\0\0\0", "i\0\0\0\u0005\0\0\0\0\0\0\0\u0006\0\0A\u007f", "\0\0\0\u0005",
        "\0\0\0\u0001", "\0\0\0\0", "sha256", ".", "..", "/", "data", "x.tmp",
    ];

    public void Run(byte[] input)
    {
        if (input.Length == 0) return;
        var backend = new SftpBackend(Url, new(), _ => new(new Server(input.AsSpan(1), char.IsAsciiLetterUpper((char)input[0]) ? [] : Extensions)));
        try
        {
            backend.OpenAsync(default).GetAwaiter().GetResult();
            BackendOperations.Run(backend, (byte)char.ToLowerInvariant((char)input[0]));
        }
        finally
        {
            Check.Completes(() => backend.DisposeAsync().AsTask());
        }
    }

    /// <summary>A server in memory.</summary>
    private sealed class Server : Stream, ISftpTransport
    {
        private const byte Separator = (byte)'~', Status = 101, Attributes = 105, Extended = 200, Initialization = 1;

        private readonly object _lock = new();
        private readonly Queue<byte[]> _answers = new();
        private readonly string[] _extensions;
        private byte[] _toRead = new byte[256];
        private byte[] _written = new byte[256];
        private int _readStart;
        private int _readEnd;
        private int _writtenEnd;
        private int _requests;
        private bool _isOver;

        public Server(ReadOnlySpan<byte> script, string[] extensions)
        {
            _extensions = extensions;
            foreach (var range in script.Split(Separator)) _answers.Enqueue(script[range].ToArray());
        }

        public Stream Stream => this;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public IRunningProgram? StartProgram(string command) => null;

        public ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake) => new(new ConnectionFailure(StoreError.BackendFailure, "The script is over."));

        public void Abort()
        {
            lock (_lock)
            {
                _isOver = true;
                Monitor.PulseAll(_lock);
            }
        }

        public override ValueTask DisposeAsync()
        {
            Abort();
            return base.DisposeAsync();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            lock (_lock)
            {
                while (_readStart == _readEnd && !_isOver) Monitor.Wait(_lock);
                var count = Math.Min(buffer.Length, _readEnd - _readStart);
                _toRead.AsSpan(_readStart, count).CopyTo(buffer);
                _readStart += count;
                return count;
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (_lock)
            {
                Append(ref _written, ref _writtenEnd, buffer);
                var at = 0;
                while (_writtenEnd - at >= 4 && BinaryPrimitives.ReadInt32BigEndian(_written.AsSpan(at)) is var length && _writtenEnd - at - 4 >= length)
                {
                    Answer(_written.AsSpan(at + 4, length));
                    at += 4 + length;
                }
                _written.AsSpan(at, _writtenEnd - at).CopyTo(_written);
                _writtenEnd -= at;
                Monitor.PulseAll(_lock);
            }
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        private void Answer(ReadOnlySpan<byte> request)
        {
            if (request[0] == Initialization)
            {
                Send(2, [], [0, 0, 0, 3, .. _extensions.SelectMany(name => (byte[])[.. Text(name), .. Text("1")])]);
                return;
            }
            var id = request.Slice(1, 4);
            // Opening the store requests the limits of the server, if it has that extension, and the attributes of the folder.
            var isOpening = _requests++ < (_extensions.Length > 0 ? 2 : 1);
            if (isOpening && request[0] == Extended) Send(201, id, new byte[32]);
            else if (isOpening) Send(Attributes, id, [0, 0, 0, 4, 0, 0, 0x41, 0xed]);
            else if (_answers.TryDequeue(out var answer) && answer.Length > 0) Send(answer[0], id, answer.AsSpan(1));
            else Send(Status, id, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        }

        private void Send(byte type, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, 1 + id.Length + body.Length);
            if (_readStart == _readEnd) _readStart = _readEnd = 0;
            Append(ref _toRead, ref _readEnd, length);
            Append(ref _toRead, ref _readEnd, [type]);
            Append(ref _toRead, ref _readEnd, id);
            Append(ref _toRead, ref _readEnd, body);
        }

        private static void Append(ref byte[] buffer, ref int end, ReadOnlySpan<byte> bytes)
        {
            if (end + bytes.Length > buffer.Length) Array.Resize(ref buffer, Math.Max(2 * buffer.Length, end + bytes.Length));
            bytes.CopyTo(buffer.AsSpan(end));
            end += bytes.Length;
        }

        private static byte[] Text(string text)
        {
            var bytes = new byte[4 + text.Length];
            BinaryPrimitives.WriteInt32BigEndian(bytes, text.Length);
            Encoding.ASCII.GetBytes(text, bytes.AsSpan(4));
            return bytes;
        }
    }
}
