namespace BorgStore.Server.Http;

/// <summary>A buffer that keeps a few bytes in memory and more on disk.</summary>
/// <remarks>The file is unlinked at once, so that nothing remains of it if the server is killed.</remarks>
/// <param name="reserve">Called with the number of bytes before they are added; may throw to reject them.</param>
internal sealed class Spool(Action<long> reserve) : IAsyncDisposable
{
    private const int MaxInMemorySize = 64 << 10;

    private readonly MemoryStream _memory = new();
    private FileStream? _file;

    /// <summary>The number of bytes.</summary>
    public long Length => _file?.Length ?? _memory.Length;

    /// <summary>Adds bytes.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.NoSpace"/> if the disk is full.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        reserve(bytes.Length);
        if (_file is null && _memory.Length + bytes.Length <= MaxInMemorySize)
        {
            _memory.Write(bytes.Span);
            return;
        }
        try
        {
            if (_file is null)
            {
                _file = CreateFile();
                await _file.WriteAsync(_memory.GetBuffer().AsMemory(0, (int)_memory.Length), cancellationToken);
                _memory.SetLength(0);
                _memory.Capacity = 0;
            }
            await _file.WriteAsync(bytes, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreError.NoSpace, "The server's disk for temporary files takes no more.", null, e);
        }
    }

    /// <summary>Returns a stream of all bytes from the beginning.</summary>
    public Stream Read()
    {
        Stream stream = (Stream?)_file ?? _memory;
        stream.Position = 0;
        return stream;
    }

    public ValueTask DisposeAsync() => _file?.DisposeAsync() ?? default;

    private static FileStream CreateFile()
    {
        var path = Path.Combine(Path.GetTempPath(), $"borgstore-{Guid.NewGuid():n}.spool");
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Read,
            Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
            BufferSize = MaxInMemorySize,
        };
        if (OperatingSystem.IsWindows()) return new(path, options);
        options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(path, options);
        File.Delete(path);
        return file;
    }
}
