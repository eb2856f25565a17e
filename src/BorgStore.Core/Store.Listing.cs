using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <content>Listings.</content>
public sealed partial class Store
{
    /// <summary>Lists the items of a namespace with all its levels, sorted within each directory. Begins at once and holds one
    /// directory's names at most.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="selection">Which items.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    public IAsyncEnumerable<StoreItem> ListAsync(
        string ns, ItemSelection selection = ItemSelection.Live, CancellationToken cancellationToken = default)
        => ListAsync(DemandNamespace(ns), selection, cancellationToken);

    /// <summary>Lists the items of all known namespaces, one namespace after the other.</summary>
    /// <param name="selection">Which items.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    public async IAsyncEnumerable<StoreItem> ListAllAsync(
        ItemSelection selection = ItemSelection.Live, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var ns in Layout.Namespaces)
        {
            await foreach (var item in ListAsync(ns, selection, cancellationToken).ConfigureAwait(false)) yield return item;
        }
    }

    /// <summary>Lists what crashes left unfinished.</summary>
    /// <param name="olderThan">How long nothing may have been written to it.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    public IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken = default)
        => _backend.ListTemporaryAsync(olderThan, cancellationToken);

    /// <summary>Removes what a crash left.</summary>
    /// <param name="item">What <see cref="ListTemporaryAsync"/> found.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it was still there.</returns>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        return await _backend.DeleteTemporaryAsync(item, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<StoreItem> ListAsync(
        NamespaceLayout ns, ItemSelection selection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _meter.AddCall(Operation.List);
        var prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";
        // Namespaces within this one have levels of their own and are listed under their own name.
        var others = Layout.Namespaces.Where(other => other != ns && other.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(other => other.Name[prefix.Length..] + "/").ToArray();

        var items = _backend.ListAsync(ns.Name, ListScope.Tree, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (items.ConfigureAwait(false))
        {
            while (await MoveNextAsync(items, ns.Name).ConfigureAwait(false))
            {
                var path = items.Current.Name;
                if (others.Length > 0 && Array.Exists(others, other => path.StartsWith(other, StringComparison.Ordinal))) continue;

                var (key, level, isDeleted) = Nesting.Unnest(path);
                if (!IsUsable(ns, key))
                {
                    Interlocked.Increment(ref _foreignNames);
                    continue;
                }
                if (selection != ItemSelection.All && isDeleted != (selection == ItemSelection.Deleted)) continue;
                if (!ItemName.IsPortable(prefix.Length == 0 ? path : prefix + path)) Interlocked.Increment(ref _foreignNames);
                yield return new(prefix + key, ns.Name, items.Current.Size, isDeleted, level,
                    items.Current.LastAccessTime, items.Current.LastWriteTime);
            }
        }
    }

    // Whether an item of that key can be asked for by its name.
    private static bool IsUsable(NamespaceLayout ns, string key)
        => key.Length > 0 && key[^1] != '/' && !key.EndsWith(Suffixes.Deleted, StringComparison.Ordinal)
            && (ns.Levels.Contains(0) || !key.Contains('/'));

    // Only the time that the storage needs is counted, not what the caller does between two items. A namespace that is known
    // but holds nothing yet has no directory.
    private async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<ItemInfo> items, string ns)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        try
        {
            return await items.MoveNextAsync().ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            return false;
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain(ns.Length == 0 ? $"list the store '{Url}'" : $"list the namespace '{ns}'", ns.Length == 0 ? Url : ns);
        }
        finally
        {
            _meter.AddTime(Operation.List, start);
        }
    }
}
