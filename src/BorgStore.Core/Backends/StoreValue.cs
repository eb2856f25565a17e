namespace BorgStore.Backends;

/// <summary>A value on its way into a store: bytes in memory, or a stream of known length.</summary>
/// <remarks>
/// A stream that ends early fails the store operation, one that throws fails it with that exception; either leaves nothing
/// behind. So a stream can check what passes through it, and veto the value as it is asked for its last bytes.
/// </remarks>
public readonly struct StoreValue
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly Stream? _stream;
    private readonly long _position;

    /// <summary>A value in memory, which the caller leaves unchanged until it is stored.</summary>
    /// <param name="bytes">The bytes.</param>
    public StoreValue(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        Length = bytes.Length;
    }

    /// <summary>A value that is read from a stream, from where the stream stands.</summary>
    /// <param name="stream">The stream; it stays open.</param>
    /// <param name="length">How many bytes are read from it.</param>
    public StoreValue(Stream stream, long length)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _stream = stream;
        _position = stream.CanSeek ? stream.Position : 0;
        Length = length;
    }

    /// <summary>The size of the value [bytes].</summary>
    public long Length { get; }

    /// <summary>Whether the value is in memory.</summary>
    public bool IsInMemory => _stream is null;

    /// <summary>Whether the value can be read more than once, which a repeated attempt or a hash in advance needs.</summary>
    public bool CanReadAgain => _stream is null || _stream.CanSeek;

    /// <summary>The bytes of a value in memory; empty for a stream.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>The value as a stream that holds exactly its bytes, from their beginning. Disposing it leaves the caller's stream open.</summary>
    /// <returns>The stream. Only one at a time may be in use.</returns>
    public Stream OpenStream()
    {
        if (_stream is null) return new MemoryValueStream(_bytes);
        if (_stream.CanSeek) _stream.Position = _position;
        return new ExactLengthStream(_stream, Length);
    }

    /// <summary>Bytes are a value.</summary>
    /// <param name="bytes">The bytes.</param>
    public static implicit operator StoreValue(byte[] bytes) => new(bytes.AsMemory());

    /// <summary>Bytes are a value.</summary>
    /// <param name="bytes">The bytes.</param>
    public static implicit operator StoreValue(ReadOnlyMemory<byte> bytes) => new(bytes);
}
