using BorgStore.Hashing;

namespace BorgStore.Backends.Rclone;

/// <summary>Blocks of several values as one stream, each loaded when it is reached.</summary>
/// <param name="load">Loads a part of a value.</param>
/// <param name="blocks">The blocks.</param>
/// <param name="hasher">Receives all bytes that are read.</param>
internal sealed class BlockStream(
    Func<string, ByteRange, CancellationToken, ValueTask<ValueStream?>> load, IReadOnlyList<Block> blocks, Hasher? hasher) : ReadOnlyStream
{
    private int _next;
    private long _left;
    private ValueStream? _current;

    /// <inheritdoc/>
    public override long Length => blocks.Sum(block => block.Length);

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_left == 0 && _next < blocks.Count) await BeginAsync(blocks[_next++], cancellationToken).ConfigureAwait(false);
        if (_left == 0) return 0;
        var count = await _current!.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken).ConfigureAwait(false);
        hasher?.Append(buffer.Span[..count]);
        _left -= count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _current?.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask BeginAsync(Block block, CancellationToken cancellationToken)
    {
        _current?.Dispose();
        _current = null;
        if (block.Length == 0) return;
        _current = await load(block.Name, new ByteRange(block.Offset, block.Length), cancellationToken).ConfigureAwait(false)
            ?? throw new StoreException(StoreError.ObjectNotFound, name: block.Name);
        if (_current.Length < block.Length)
            throw new StoreException(StoreError.ReadRange, $"Could not defragment: '{block.Name}' shrank in the meantime.", block.Name);
        _left = block.Length;
    }
}
