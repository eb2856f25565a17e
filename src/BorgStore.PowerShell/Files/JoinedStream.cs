using BorgStore.Backends;

namespace BorgStore.PowerShell.Files;

/// <summary>Blocks as a single stream. Consecutive blocks of one store are gathered with as few requests as possible.</summary>
internal sealed class JoinedStream : ValueStream
{
    private readonly IReadOnlyList<ItemPart> _parts;
    private ValueStream _current = new MemoryValueStream(default);
    private int _next;

    private JoinedStream(IReadOnlyList<ItemPart> parts)
    {
        _parts = parts;
        // Blocks that exceed any storage are reported later, when they turn out to be outside their values.
        Length = parts.Aggregate(0L, (sum, part) => part.Range.Length is { } length && length < long.MaxValue - sum ? sum + length : long.MaxValue);
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <summary>Opens the stream and checks that the blocks of the first request exist; the others are checked when they are read.</summary>
    /// <param name="parts">The blocks, all of known length.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async Task<JoinedStream> OpenAsync(IReadOnlyList<ItemPart> parts, CancellationToken cancellationToken)
    {
        var stream = new JoinedStream(parts);
        await stream.AdvanceAsync(cancellationToken);
        return stream;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read;
        while ((read = await _current.ReadAsync(buffer, cancellationToken)) == 0 && buffer.Length > 0 && _next < _parts.Count)
            await AdvanceAsync(cancellationToken);
        return read;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _current.DisposeAsync();
        await base.DisposeAsync();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _current.Dispose();
        base.Dispose(disposing);
    }

    private async Task AdvanceAsync(CancellationToken cancellationToken)
    {
        var (store, deleted) = (_parts[_next].Store, _parts[_next].Deleted);
        var blocks = new List<Block>();
        var end = _next;
        for (; end < _parts.Count && blocks.Count < Block.MaxCount && _parts[end].Store == store && _parts[end].Deleted == deleted; end++)
            blocks.Add(_parts[end].ToBlock());
        await _current.DisposeAsync();
        _current = await store.Store.GatherAsync(blocks, deleted, cancellationToken);
        // Only now, so that a reader who continues after an error does not skip any.
        _next = end;
    }
}
