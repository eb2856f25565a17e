namespace BorgStore.Backends.Gathering;

/// <summary>The ranges of a gathering, resolved to absolute offsets, in the order of joining.</summary>
internal sealed class GatherPlan
{
    // Concurrent lookups of item sizes.
    private const int LookUpsAtOnce = 16;

    private readonly List<Block> _blocks;
    private readonly Dictionary<string, ItemInfo> _checked = [];
    private int _next;
    private long _done;

    private GatherPlan(List<Block> blocks, long length) => (_blocks, Length, Left) = (blocks, length, length);

    /// <summary>The total number of bytes of all ranges.</summary>
    public long Length { get; }

    /// <summary>The number of bytes that <see cref="FillWindow"/> has not assigned yet.</summary>
    public long Left { get; private set; }

    /// <summary>The item of the range that began in an earlier window than the last one of <see cref="FillWindow"/>, if there is one.</summary>
    public string? Continued { get; private set; }

    /// <summary>Checks and resolves the ranges. Empty ranges are dropped without looking up their items.</summary>
    /// <param name="blocks">The ranges; a negative offset counts from the end of the item.</param>
    /// <param name="find">Finds an item; called if an offset is negative.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static async ValueTask<GatherPlan> MakeAsync(
        IReadOnlyList<Block> blocks, Func<string, CancellationToken, ValueTask<ItemInfo?>> find, CancellationToken cancellationToken)
    {
        Block.CheckCount(blocks.Count);
        var wanted = new List<Block>(blocks.Count);
        var length = 0L;
        var isRelative = false;
        foreach (var block in blocks)
        {
            if (block.Length < 0)
                throw new StoreException(StoreError.InvalidArgument, $"The length {block.Length} of a part of '{block.Name}' is negative.", block.Name);
            if (block.Length == 0) continue;
            if (block.Length > long.MaxValue - length) throw block.Outside(null);
            length += block.Length;
            isRelative |= block.Offset < 0;
            wanted.Add(block);
        }
        var plan = new GatherPlan(wanted, length);
        if (isRelative) await plan.ResolveOffsetsAsync(find, cancellationToken).ConfigureAwait(false);
        return plan;
    }

    /// <summary>Throws if a block is not entirely inside its item or the item does not exist. Negative offsets are not allowed.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="find">Finds an item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public static Task ThrowIfAnyOutsideAsync(
        IReadOnlyList<Block> blocks, Func<string, CancellationToken, ValueTask<ItemInfo?>> find, CancellationToken cancellationToken)
        => LookUpAsync(blocks, find, static (block, item) => block.ThrowIfOutside(item.Size), cancellationToken);

    /// <summary>Throws if a range is not entirely inside its item, before anything
    /// is read. An item that changes later fails when it is read.</summary>
    /// <param name="find">Finds an item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task CheckAsync(Func<string, CancellationToken, ValueTask<ItemInfo?>> find, CancellationToken cancellationToken)
        => LookUpAsync(_blocks, find, (block, item) =>
        {
            if (block.Offset > item.Size - block.Length) throw block.Outside(item.Size);
            lock (_checked) _checked[block.Name] = item;
        }, cancellationToken);

    /// <summary>Throws if an item is no longer as <see cref="CheckAsync"/> found it, so that parts of a range that were read at different times
    /// may be of different values. That is noticed as far as the times of the storage differ.</summary>
    /// <param name="name">The item.</param>
    /// <param name="find">Finds an item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask ThrowIfChangedAsync(
        string name, Func<string, CancellationToken, ValueTask<ItemInfo?>> find, CancellationToken cancellationToken)
    {
        var before = _checked[name];
        if (await find(name, cancellationToken).ConfigureAwait(false) is not { } item || item.Size != before.Size || item.LastWriteTime != before.LastWriteTime)
            throw new StoreException(StoreError.BackendFailure, $"'{name}' was changed while a part of it was being read. Read it again.", name);
    }

    /// <summary>Assigns the next bytes of the gathered value to a buffer.</summary>
    /// <param name="buffer">The buffer; at most <see cref="Left"/> bytes long.</param>
    /// <returns>The pieces. Adjacent ranges of an item are one piece.</returns>
    public List<Piece> FillWindow(Memory<byte> buffer)
    {
        var pieces = new List<Piece>();
        var used = 0;
        Continued = _done > 0 ? _blocks[_next].Name : null;
        while (used < buffer.Length)
        {
            var block = _blocks[_next];
            var count = (int)Math.Min(block.Length - _done, buffer.Length - used);
            var offset = block.Offset + _done;
            if (pieces is [.., var last] && last.Name == block.Name && last.Offset + last.Target.Length == offset)
                pieces[^1] = last with { Target = buffer[(used - last.Target.Length)..(used + count)] };
            else
                pieces.Add(new(block.Name, offset, buffer.Slice(used, count)));
            used += count;
            _done += count;
            if (_done == block.Length) (_next, _done) = (_next + 1, 0);
        }
        Left -= used;
        return pieces;
    }

    private async Task ResolveOffsetsAsync(Func<string, CancellationToken, ValueTask<ItemInfo?>> find, CancellationToken cancellationToken)
    {
        var sizes = new Dictionary<string, long>();
        await LookUpAsync(_blocks.Where(block => block.Offset < 0), find, (block, item) =>
        {
            if (item.Size + block.Offset < 0) throw block.Outside(item.Size);
            lock (sizes) sizes[block.Name] = item.Size;
        }, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < _blocks.Count; i++)
            if (_blocks[i] is { Offset: < 0 } block) _blocks[i] = block with { Offset = sizes[block.Name] + block.Offset };
    }

    private static Task LookUpAsync(IEnumerable<Block> blocks, Func<string, CancellationToken, ValueTask<ItemInfo?>> find,
        Action<Block, ItemInfo> use, CancellationToken cancellationToken)
        => Parallel.ForEachAsync(blocks.GroupBy(block => block.Name),
            new ParallelOptions { MaxDegreeOfParallelism = LookUpsAtOnce, CancellationToken = cancellationToken }, async (item, token) =>
            {
                if (await find(item.Key, token).ConfigureAwait(false) is not { IsDirectory: false } info) throw item.First().Missing();
                foreach (var block in item) use(block, info);
            });
}
