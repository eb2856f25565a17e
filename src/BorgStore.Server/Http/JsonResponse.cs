using System.Buffers;
using System.Text.Json;

namespace BorgStore.Server.Http;

/// <summary>A JSON response of any size that is complete before its first byte is sent. A slow client therefore does not block the storage during a
/// listing, and the length of the response is known.</summary>
internal sealed class JsonResponse : IAsyncDisposable
{
    private const int ChunkSize = 48 << 10;

    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Spool _spool;

    /// <summary>Creates a response.</summary>
    /// <param name="reserve">Called with the number of bytes before they are added; may throw to reject them.</param>
    public JsonResponse(Action<long> reserve)
    {
        _spool = new(reserve);
        Json = new(_buffer);
    }

    /// <summary>The writer of the JSON.</summary>
    public Utf8JsonWriter Json { get; }

    /// <summary>The number of bytes of the complete response.</summary>
    public long Length => _spool.Length;

    /// <summary>Moves the written JSON to the spool, if it is large enough.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken)
        => Json.BytesPending + _buffer.WrittenCount < ChunkSize ? default : FlushToSpoolAsync(cancellationToken);

    /// <summary>Returns the complete response.</summary>
    public async ValueTask<Stream> ReadAsync(CancellationToken cancellationToken)
    {
        await FlushToSpoolAsync(cancellationToken);
        return _spool.Read();
    }

    public async ValueTask DisposeAsync()
    {
        await Json.DisposeAsync();
        await _spool.DisposeAsync();
    }

    private async ValueTask FlushToSpoolAsync(CancellationToken cancellationToken)
    {
        Json.Flush();
        await _spool.WriteAsync(_buffer.WrittenMemory, cancellationToken);
        _buffer.ResetWrittenCount();
    }
}
