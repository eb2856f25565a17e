using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files;

/// <summary>A value or a part of it in an open file.</summary>
internal sealed class FileValueStream(FileSystem fileSystem, SafeFileHandle file, string name, long start, long count) : ValueStream
{
    // Larger reads must not block the thread of an asynchronous caller.
    private const int MaxBlockingReadSize = 4 << 20;

    private readonly long _end = start + count;
    private long _position = start;

    public override long Length { get; } = count;

    public override int Read(Span<byte> buffer)
    {
        var wanted = (int)Math.Min(buffer.Length, _end - _position);
        if (wanted == 0) return 0;
        var read = fileSystem.Read(file, buffer[..wanted], _position);
        if (read == 0) throw new StoreException(StoreError.BackendFailure, "it shrank while it was being read");
        _position += read;
        return read;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Read(buffer.Span));
    }

    public override async ValueTask<byte[]> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        var left = _end - _position;
        if (left > Array.MaxLength)
            throw new StoreException(StoreError.InvalidArgument,
                $"A value of {left} bytes does not fit into one array; read it as a stream, or in parts.", name);

        var bytes = GC.AllocateUninitializedArray<byte>((int)left);
        if (left > MaxBlockingReadSize) await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        for (var filled = 0; filled < bytes.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            filled += Read(bytes.AsSpan(filled, Math.Min(bytes.Length - filled, MaxBlockingReadSize)));
        }
        return bytes;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) file.Dispose();
        base.Dispose(disposing);
    }
}
