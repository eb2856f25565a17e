using System.Runtime.CompilerServices;
using System.Threading.Channels;
using BorgStore.Layout;

namespace BorgStore.Synchronization;

/// <summary>The items of a namespace, sorted by name: as they are listed if the listing is sorted, otherwise when it is complete.</summary>
/// <param name="source">Where the items come from.</param>
/// <param name="ns">The namespace; <see langword="null"/> if the source does not have it.</param>
/// <param name="minKeyLength">The length below which a key may be out of order in a sorted listing.</param>
/// <param name="filter">Selects items.</param>
internal sealed class SortedListing(ItemSource source, NamespaceLayout? ns, int minKeyLength, Predicate<StoreItem>? filter) : IDisposable
{
    private const int ReadAhead = 1024;
    private readonly ItemSorter _sorter = new() { Namespace = ns?.Name ?? "" };
    private readonly ItemSorter _short = new() { Namespace = ns?.Name ?? "" };
    private bool _isCaptured;

    public void Dispose()
    {
        _sorter.Dispose();
        _short.Dispose();
    }

    /// <summary>Lists the namespace now, however much later its items are read.</summary>
    public async Task CaptureAsync(CancellationToken cancellationToken)
    {
        await foreach (var item in ListAsync(cancellationToken).ConfigureAwait(false)) _sorter.Add(item);
        _isCaptured = true;
    }

    /// <summary>Returns the items in order, once; first those with long enough keys.</summary>
    public async IAsyncEnumerable<SortedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!_isCaptured && ns is not null && source.IsSorted(ns))
        {
            string? last = null;
            // A storage may answer while the other one is asked.
            await foreach (var item in ReadAheadAsync(ListAsync(cancellationToken), cancellationToken).ConfigureAwait(false))
            {
                if (last is not null && string.CompareOrdinal(item.Key, last) < 0)
                    throw new StoreException(StoreError.BackendFailure,
                        $"'{source.Url}' lists '{item.Item.Name}' after '{last}', so it cannot be compared with another store.", item.Item.Name);
                last = item.Key;
                yield return item;
            }
            yield break;
        }
        if (!_isCaptured) await CaptureAsync(cancellationToken).ConfigureAwait(false);
        foreach (var item in _sorter.Sort()) yield return item;
    }

    /// <summary>Returns the items with short keys in order, once the others have been read.</summary>
    public IEnumerable<SortedItem> ReadShort() => _short.Sort();

    private async IAsyncEnumerable<SortedItem> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (ns is null) yield break;
        var start = ns.Name.Length == 0 ? 0 : ns.Name.Length + 1;
        await foreach (var item in source.ListAsync(ns, cancellationToken).ConfigureAwait(false))
        {
            if (filter is not null && !filter(item)) continue;
            if (item.Name.Length - start < minKeyLength) _short.Add(new(item));
            else yield return new(item);
        }
    }

    private static async IAsyncEnumerable<SortedItem> ReadAheadAsync(
        IAsyncEnumerable<SortedItem> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var channel = Channel.CreateBounded<SortedItem>(new BoundedChannelOptions(ReadAhead) { SingleReader = true, SingleWriter = true });
        var reading = Task.Run(
            async () =>
            {
                Exception? failure = null;
                try
                {
                    await foreach (var item in items.WithCancellation(abandon.Token).ConfigureAwait(false))
                        await channel.Writer.WriteAsync(item, abandon.Token).ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    failure = e;
                }
                channel.Writer.Complete(failure);
            },
            CancellationToken.None);
        try
        {
            await foreach (var item in channel.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false)) yield return item;
        }
        finally
        {
            await abandon.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(false);
        }
    }
}
