using BorgStore.Backends;
using BorgStore.PowerShell.Pipeline;

namespace BorgStore.PowerShell.Files;

/// <summary>A stream that reports the number of bytes read, for the progress bar.</summary>
internal sealed class ProgressStream(Stream stream, JobOutput output) : ReadOnlyStream
{
    public override bool CanSeek => stream.CanSeek;

    public override long Length => stream.Length;

    public override long Position
    {
        get => stream.Position;
        set => stream.Position = value;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await stream.ReadAsync(buffer, cancellationToken);
        output.Move(read);
        return read;
    }
}
