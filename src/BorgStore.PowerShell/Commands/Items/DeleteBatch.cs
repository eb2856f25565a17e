using BorgStore.PowerShell.Pipeline;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Commands.Items;

/// <summary>Gathers piped items for a storage that can delete many with one request.</summary>
internal sealed class DeleteBatch(JobRunner jobRunner)
{
    private readonly List<StoreItem> _items = [];
    private StoreLease? _store;

    /// <summary>Adds an item; the batch is sent when it is full or the next item is in another store.</summary>
    /// <param name="store">The store of the item.</param>
    /// <param name="item">The item as it was listed.</param>
    public void Add(StoreLease store, StoreItem item)
    {
        if (_store != store) Send();
        _store = store;
        _items.Add(item);
        if (_items.Count >= store.Store.DeleteBatchSize) Send();
    }

    /// <summary>Deletes the gathered items.</summary>
    public void Send()
    {
        if (_store is not { } store || _items.Count == 0) return;
        StoreItem[] items = [.. _items];
        _items.Clear();
        jobRunner.Post($"{items[0].Name} and {items.Length - 1} more", async (output, token) =>
        {
            foreach (var (name, reason) in await store.Store.DeleteManyAsync(items, token))
                await output.FailAsync(ErrorRecords.From(reason, name));
        });
    }
}
