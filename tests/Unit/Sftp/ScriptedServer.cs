using System.IO.Pipelines;
using BorgStore.Backends.Sftp.Connection;
using BorgStore.Backends.Sftp.Transport;
using BorgStore.Processes;

namespace BorgStore.Tests.Sftp;

/// <summary>A server in this process that answers packets as a test specifies.</summary>
/// <param name="answer">Returns the bytes to send back for a packet without its length.</param>
internal sealed class ScriptedServer(Func<byte[], byte[]> answer) : ISftpTransport
{
    private readonly Pipe _toClient = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly Pipe _toServer = new(new PipeOptions(pauseWriterThreshold: 0));
    private readonly object _lock = new();
    private DuplexStream? _stream;

    // Locked, because the reader and the writer start at the same time.
    public Stream Stream
    {
        get
        {
            lock (_lock) return _stream ??= Start();
        }
    }

    public IRunningProgram? StartProgram(string command) => null;

    public ValueTask<ConnectionFailure> ExplainEndAsync(bool hadHandshake) => new(new ConnectionFailure(StoreError.ConnectionLost, "The script is over."));

    public void Abort() => _toClient.Writer.Complete();

    public ValueTask DisposeAsync()
    {
        _toClient.Writer.Complete();
        return default;
    }

    private DuplexStream Start()
    {
        _ = Task.Run(async () =>
        {
            var input = _toServer.Reader.AsStream();
            var length = new byte[4];
            while (await input.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false) == 4)
            {
                var packet = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(length)];
                await input.ReadExactlyAsync(packet);
                var bytes = answer(packet);
                if (bytes.Length > 0) await _toClient.Writer.WriteAsync(bytes);
            }
        });
        return new DuplexStream(_toClient.Reader.AsStream(), _toServer.Writer.AsStream());
    }
}
