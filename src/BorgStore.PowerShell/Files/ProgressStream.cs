using BorgStore.Backends;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Files;

/// <summary>A stream that reports the number of bytes read, for the progress bar and the log, and keeps to the limit of the cmdlet.</summary>
internal sealed class ProgressStream : ReadOnlyStream
{
    private readonly Stream _stream;
    private readonly JobOutput _output;

    /// <summary>Initializes a stream.</summary>
    /// <param name="stream">The stream to read.</param>
    /// <param name="output">The job that reads it.</param>
    /// <param name="isExpected">Whether the job has already announced the bytes.</param>
    public ProgressStream(Stream stream, JobOutput output, bool isExpected = false)
    {
        (_stream, _output) = (stream, output);
        if (isExpected) return;
        if (stream is ValueStream || stream.CanSeek) output.Expect(stream.CanSeek ? stream.Length - stream.Position : stream.Length);
    }

    public override bool CanSeek => _stream.CanSeek;

    public override long Length => _stream.Length;

    public override long Position
    {
        get => _stream.Position;
        set => _stream.Position = value;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await (_output.Limit?.ReadAsync(_stream, buffer, cancellationToken) ?? _stream.ReadAsync(buffer, cancellationToken));
        _output.Move(read);
        return read;
    }
}
