namespace BorgStore.Backends;

/// <summary>A value to be stored: bytes in memory, or a stream of known length.</summary>
/// <remarks>
/// A stream that ends early makes the store operation fail, and one that throws makes it fail with that exception; in
/// both cases nothing is stored. So a stream can check its content and reject the value when its last bytes are read.
/// </remarks>
public readonly struct StoreValue
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly Stream? _stream;
    private readonly long _position;
    private readonly RateLimit? _limit;

    /// <summary>Initializes a value in memory, which the caller must not change until it is stored.</summary>
    /// <param name="bytes">The bytes.</param>
    public StoreValue(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        Length = bytes.Length;
    }

    /// <summary>Initializes a value that is read from a stream, starting at its current position.</summary>
    /// <param name="stream">The stream, which stays open.</param>
    /// <param name="length">The number of bytes to read from it.</param>
    public StoreValue(Stream stream, long length)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _stream = stream;
        _position = stream.CanSeek ? stream.Position : 0;
        Length = length;
    }

    private StoreValue(StoreValue value, RateLimit limit)
    {
        this = value;
        _limit = limit;
    }

    /// <summary>The size of the value [bytes].</summary>
    public long Length { get; }

    /// <summary>Whether the value is in memory, to be used at once.</summary>
    public bool IsInMemory => _stream is null && _limit is null;

    /// <summary>Whether the value can be read more than once, as needed for a retry or for hashing in advance.</summary>
    public bool CanReadAgain => _stream is null || _stream.CanSeek;

    /// <summary>The bytes of a value in memory; empty for a stream.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes;

    /// <summary>Returns the value as a stream of exactly its bytes, from the beginning. Disposing it leaves the caller's stream open.</summary>
    /// <returns>The stream. Only one may be in use at a time.</returns>
    public Stream OpenStream()
        => _limit is null ? OpenUnlimitedStream() : new ThrottledStream(OpenUnlimitedStream(), _limit);

    /// <summary>Returns the value as a stream that is not slowed down, because its bytes are not transferred.</summary>
    internal Stream OpenUnlimitedStream()
    {
        if (_stream is null) return new MemoryValueStream(_bytes);
        if (_stream.CanSeek) _stream.Position = _position;
        return new ExactLengthStream(_stream, Length);
    }

    /// <summary>Returns the value to be transferred no faster than a limit allows.</summary>
    internal StoreValue LimitTo(RateLimit limit) => new(this, limit);

    /// <summary>Converts bytes to a value.</summary>
    /// <param name="bytes">The bytes.</param>
    public static implicit operator StoreValue(byte[] bytes) => new(bytes.AsMemory());

    /// <summary>Converts bytes to a value.</summary>
    /// <param name="bytes">The bytes.</param>
    public static implicit operator StoreValue(ReadOnlyMemory<byte> bytes) => new(bytes);
}
