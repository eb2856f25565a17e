using BorgStore.Backends;

namespace BorgStore.Commands;

/// <summary>A stream that tells how much was read from it, for the progress.</summary>
internal sealed class CountedStream(Stream stream, JobOutput output) : ReadOnlyStream
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
