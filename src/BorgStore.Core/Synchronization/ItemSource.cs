using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Synchronization;

/// <summary>Where compared items come from.</summary>
internal abstract class ItemSource
{
    /// <summary>The URL or path, for messages.</summary>
    public abstract string Url { get; }

    public abstract StoreLayout Layout { get; }

    /// <summary>Lists all items of a namespace; none if it does not exist.</summary>
    public abstract IAsyncEnumerable<StoreItem> ListAsync(NamespaceLayout ns, CancellationToken cancellationToken);

    /// <summary>Whether the listing of a namespace is sorted by name, apart from keys that are too short for its level.</summary>
    public abstract bool IsSorted(NamespaceLayout ns);

    public abstract ValueTask<string> HashAsync(StoreItem item, HashKind algorithm, CancellationToken cancellationToken);
}

/// <summary>The items of a store.</summary>
internal sealed class StoreSource(Store store) : ItemSource
{
    public override string Url => store.Url;

    public override StoreLayout Layout => store.Layout;

    public override IAsyncEnumerable<StoreItem> ListAsync(NamespaceLayout ns, CancellationToken cancellationToken)
        => store.ListAsync(ns.Name, ItemSelection.All, cancellationToken);

    // Directories are listed in the order of their names, and those of one level are the beginnings of the keys. A flat namespace may have keys
    // with slashes, whose order depends on the storage.
    public override bool IsSorted(NamespaceLayout ns) => ns is { IsKnown: true, Levels: [> 0] };

    public override ValueTask<string> HashAsync(StoreItem item, HashKind algorithm, CancellationToken cancellationToken)
        => store.HashAsync(item.Name, algorithm, item.IsDeleted, cancellationToken);
}
