namespace BorgStore.Backends.Sftp.Values;

/// <summary>Blocks of several items as one stream.</summary>
/// <param name="load">Loads a block.</param>
/// <param name="blocks">The blocks in their order.</param>
internal sealed class BlockStream(Func<Block, ValueTask<ValueStream>> load, IEnumerable<Block> blocks) : ReadOnlyStream
{
    private readonly IEnumerator<Block> _blocks = blocks.GetEnumerator();
    private ValueStream? _current;

    public override long Length => throw new NotSupportedException();

    public override int Read(Span<byte> buffer) => throw new NotSupportedException();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            if (_current is not null)
            {
                var read = await _current.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                if (read > 0) return read;
                await _current.DisposeAsync().ConfigureAwait(false);
                _current = null;
            }
            if (!_blocks.MoveNext()) return 0;
            _current = await load(_blocks.Current).ConfigureAwait(false);
        }
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _current?.Dispose();
            _blocks.Dispose();
        }
        base.Dispose(disposing);
    }
}
