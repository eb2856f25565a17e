using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

/// <summary>A stream without seeking that returns a few bytes at a time.</summary>
internal sealed class ForwardStream(byte[] bytes) : ReadOnlyStream
{
    private int _position;

    public override long Length => throw new NotSupportedException();

    public override int Read(Span<byte> buffer)
    {
        var count = Math.Min(Math.Min(buffer.Length, 7001), bytes.Length - _position);
        bytes.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        return Read(buffer.Span);
    }
}

/// <summary>A stream that throws when the byte at a position is read.</summary>
internal sealed class ThrowingStream(byte[] bytes, int at) : ReadOnlyStream
{
    private int _position;

    public override long Length => throw new NotSupportedException();

    public override int Read(Span<byte> buffer)
    {
        if (_position + buffer.Length > at && _position >= at - 1000) throw new InvalidDataException("vetoed");
        var count = Math.Min(buffer.Length, Math.Max(1, at - _position));
        bytes.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
}

/// <summary>A stream that pauses halfway until it is released, ignoring cancellation.</summary>
internal sealed class PausingStream(byte[] bytes) : ReadOnlyStream
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _continue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _position;

    public Task Reached => _reached.Task;

    public override long Length => throw new NotSupportedException();

    public void Continue() => _continue.SetResult();

    public override int Read(Span<byte> buffer) => throw new NotSupportedException();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= bytes.Length / 2)
        {
            _reached.TrySetResult();
            await _continue.Task;
        }
        var count = Math.Min(Math.Min(buffer.Length, bytes.Length / 4), bytes.Length - _position);
        bytes.AsMemory(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }
}
