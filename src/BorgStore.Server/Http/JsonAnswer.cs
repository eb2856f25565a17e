using System.Buffers;
using System.Text.Json;

namespace BorgStore.Server.Http;

/// <summary>A JSON answer of any size, which is complete before the client gets the first byte. So a client that reads slowly holds
/// nothing that the storage needs for a listing, and the length of the answer is known.</summary>
internal sealed class JsonAnswer : IAsyncDisposable
{
    private const int ChunkSize = 48 << 10;

    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Spool _spool;

    /// <summary>Begins an answer.</summary>
    /// <param name="reserve">Called with the number of bytes before more are taken in; may refuse them.</param>
    public JsonAnswer(Action<long> reserve)
    {
        _spool = new(reserve);
        Json = new(_buffer);
    }

    /// <summary>Takes the JSON.</summary>
    public Utf8JsonWriter Json { get; }

    /// <summary>Puts aside what was written, where that is much.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
        => Json.BytesPending + _buffer.WrittenCount < ChunkSize ? default : PutAsideAsync(cancellationToken);

    /// <summary>Returns the whole answer.</summary>
    public async ValueTask<Stream> ReadAsync(CancellationToken cancellationToken)
    {
        await PutAsideAsync(cancellationToken);
        return _spool.Read();
    }

    public async ValueTask DisposeAsync()
    {
        await Json.DisposeAsync();
        await _spool.DisposeAsync();
    }

    private async ValueTask PutAsideAsync(CancellationToken cancellationToken)
    {
        Json.Flush();
        await _spool.WriteAsync(_buffer.WrittenMemory, cancellationToken);
        _buffer.ResetWrittenCount();
    }
}
