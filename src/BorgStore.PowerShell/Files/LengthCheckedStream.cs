using BorgStore.Backends;

namespace BorgStore.PowerShell.Files;

/// <summary>A stream that throws at its last bytes if it is longer than announced, so that a part never passes for the whole value.</summary>
internal sealed class LengthCheckedStream : ReadOnlyStream
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly long _end;
    private long _position;

    /// <summary>Creates the stream.</summary>
    /// <param name="stream">The source, read from its current position.</param>
    /// <param name="length">The length that the source announced [bytes].</param>
    /// <param name="name">The name of the item, for error messages.</param>
    public LengthCheckedStream(Stream stream, long length, string name)
    {
        (_stream, _name, Length) = (stream, name, length);
        _position = stream.CanSeek ? stream.Position : 0;
        _end = _position + length;
    }

    public override bool CanSeek => _stream.CanSeek;

    public override long Length { get; }

    public override long Position
    {
        get => _position;
        set => _stream.Position = _position = value;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _stream.ReadAsync(buffer, cancellationToken);
        if (Advance(read)) CheckEnd(await _stream.ReadAsync(new byte[1], cancellationToken));
        return read;
    }

    // Returns whether these were the last announced bytes.
    private bool Advance(int read)
    {
        _position += read;
        return read > 0 && _position >= _end;
    }

    private void CheckEnd(int read)
    {
        if (_position == _end && read == 0) return;
        throw new StoreException(StoreError.InvalidArgument,
            $"'{_name}' was not stored: its source holds more than the {Length} bytes that it announced. Either another program writes to it, or it is not an ordinary file; store it again when it is complete, or store a copy.",
            _name)
        { IsExplained = true };
    }
}
