namespace BorgStore.Backends;

/// <summary>A given number of bytes from another stream. Reading fails if that one ends earlier.</summary>
internal sealed class ExactLengthStream(Stream inner, long length) : ReadOnlyStream
{
    private readonly long _length = length;
    private long _left = length;

    public override long Length => _length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wanted = (int)Math.Min(buffer.Length, _left);
        return wanted == 0 ? 0 : Count(await inner.ReadAsync(buffer[..wanted], cancellationToken).ConfigureAwait(false));
    }

    private int Count(int read)
    {
        _left -= read;
        return read > 0
            ? read
            : throw new StoreException(StoreError.InvalidArgument,
                $"The value ended {_left} bytes before its announced length of {_length} bytes; nothing was stored.");
    }
}
