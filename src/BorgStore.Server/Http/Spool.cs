using System.Buffers;
using System.IO.Pipelines;

namespace BorgStore.Server.Http;

/// <summary>A buffer that keeps some bytes in memory and more on disk. All buffers together have a limit of what they keep in memory.</summary>
/// <remarks>The file is unlinked at once, so that nothing remains of it if the server is killed.</remarks>
/// <param name="reserve">Called with the number of bytes before they are added; may throw to reject them.</param>
internal sealed class Spool(Action<long> reserve) : IAsyncDisposable
{
    // The first ones are always in memory. Further ones are, such as a page of names, while all together are not too many.
    private const int SmallSize = 64 << 10;
    private const int MaxSizeInMemory = 1 << 20;
    private const long MaxSizeOfAllInMemory = 32 << 20;

    private static long _heldByAll;

    private readonly Pipe _memory = new(new PipeOptions(pauseWriterThreshold: 0, minimumSegmentSize: SmallSize, useSynchronizationContext: false));
    private FileStream? _file;
    private long _held;

    /// <summary>The number of bytes.</summary>
    public long Length { get; private set; }

    /// <summary>Adds bytes.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.NoSpace"/> if the disk is full.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        reserve(bytes.Length);
        Length += bytes.Length;
        if (_file is null && TryHold())
        {
            _memory.Writer.Write(bytes.Span);
            return;
        }
        try
        {
            if (_file is null)
            {
                _file = CreateFile();
                await _memory.Writer.CompleteAsync();
                await _memory.Reader.CopyToAsync(_file, cancellationToken);
                ReleaseMemory();
            }
            await _file.WriteAsync(bytes, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreError.NoSpace, "The server's disk for temporary files takes no more.", null, e);
        }
    }

    /// <summary>Returns a stream of all bytes from the beginning, once. Nothing can be added after it.</summary>
    public Stream Read()
    {
        if (_file is not null)
        {
            _file.Position = 0;
            return _file;
        }
        _memory.Writer.Complete();
        return _memory.Reader.AsStream();
    }

    public ValueTask DisposeAsync()
    {
        ReleaseMemory();
        return _file?.DisposeAsync() ?? default;
    }

    private bool TryHold()
    {
        if (Length <= SmallSize) return true;
        if (Length > MaxSizeInMemory) return false;
        var more = Length - _held;
        if (Interlocked.Add(ref _heldByAll, more) > MaxSizeOfAllInMemory)
        {
            Interlocked.Add(ref _heldByAll, -more);
            return false;
        }
        _held = Length;
        return true;
    }

    private void ReleaseMemory()
    {
        _memory.Writer.Complete();
        _memory.Reader.Complete();
        Interlocked.Add(ref _heldByAll, -_held);
        _held = 0;
    }

    private static FileStream CreateFile()
    {
        var path = Path.Combine(Path.GetTempPath(), $"borgstore-{Guid.NewGuid():n}.spool");
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.Read,
            Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
            BufferSize = SmallSize,
        };
        if (OperatingSystem.IsWindows()) return new(path, options);
        options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var file = new FileStream(path, options);
        File.Delete(path);
        return file;
    }
}
