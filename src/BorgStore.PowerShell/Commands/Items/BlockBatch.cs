using System.Management.Automation;
using BorgStore.Backends;
using BorgStore.PowerShell.Files;
using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Blocks of one store that are read with one request: the first one, and those added while it waits for its turn.</summary>
internal sealed class BlockBatch
{
    private const int MaxBlocks = 1000;
    private const long MaxBytes = 8 << 20;

    private readonly List<Block> _blocks = [];
    private readonly StoreLease _store;
    private readonly bool _deleted;
    private long _bytes;
    private bool _isClosed;

    /// <summary>Creates a batch with its first block.</summary>
    public BlockBatch(ItemPart first)
    {
        (_store, _deleted) = (first.Store, first.Deleted);
        TryAdd(first);
    }

    /// <summary>Adds a block, unless the batch is full or already being read, or the block
    /// is of another store or the other deletion state.</summary>
    public bool TryAdd(ItemPart part)
    {
        if (part.Store != _store || part.Deleted != _deleted) return false;
        var block = part.ToBlock();
        lock (_blocks)
        {
            if (_isClosed || (_blocks.Count > 0 && (_blocks.Count == MaxBlocks || block.Length > MaxBytes - _bytes))) return false;
            _blocks.Add(block);
            _bytes += block.Length;
            return true;
        }
    }

    /// <summary>Reads the blocks and closes the batch: no more blocks can be added.</summary>
    /// <param name="output">Receives a result or an error for each block, in order.</param>
    /// <param name="convert">Makes the result from the name and bytes of a block.</param>
    /// <param name="explain">Makes the error record for a block.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task ReadAsync(
        JobOutput output, Func<string, byte[], object> convert, Func<StoreException, string, ErrorRecord> explain, CancellationToken cancellationToken)
    {
        Block[] blocks;
        lock (_blocks)
        {
            _isClosed = true;
            blocks = [.. _blocks];
        }
        await ReadAsync(blocks);

        async Task ReadAsync(ArraySegment<Block> blocks)
        {
            var done = 0;
            try
            {
                await using var value = await _store.Store.GatherAsync(blocks, _deleted, cancellationToken);
                for (; done < blocks.Count; done++)
                {
                    await output.WriteAsync(convert(blocks[done].Name, await ReadOneAsync(value, blocks[done], blocks.Count == 1, cancellationToken)));
                    output.Advance();
                }
            }
            catch (StoreException e)
            {
                var left = blocks[done..];
                if (left.Count <= 1 || IsOfStore(e))
                {
                    foreach (var block in left) await output.FailAsync(explain(e, block.Name));
                    return;
                }
                // One missing item fails the whole request; reading the halves finds out which one it is.
                await ReadAsync(left[..(left.Count / 2)]);
                await ReadAsync(left[(left.Count / 2)..]);
            }
        }
    }

    // A single block may be large; ReadToEndAsync has a better error for that than a failed allocation.
    private static async ValueTask<byte[]> ReadOneAsync(ValueStream value, Block block, bool isAlone, CancellationToken cancellationToken)
    {
        if (isAlone) return await value.ReadToEndAsync(cancellationToken);
        var bytes = new byte[block.Length];
        await value.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }

    private static bool IsOfStore(StoreException e) => e.Error is StoreError.ConnectionLost or StoreError.Timeout or StoreError.AuthenticationFailed;
}
