using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>Information about an item of a store.</summary>
public sealed class BorgStoreItem
{
    private readonly OptionalTime _lastAccessTime;
    private readonly OptionalTime _lastWriteTime;
    private readonly OptionalTime _deletedTime;

    internal BorgStoreItem(StoreItem item, BorgStoreHandle store)
    {
        Name = item.Name;
        Namespace = item.Namespace;
        Key = item.Key;
        Size = item.Size;
        IsDeleted = item.IsDeleted;
        Level = item.Level;
        _lastAccessTime = item.LastAccessTime?.ToLocalTime();
        _lastWriteTime = item.LastWriteTime?.ToLocalTime();
        _deletedTime = item.DeletedTime?.ToLocalTime();
        Store = store;
    }

    /// <summary>The full name, <c>namespace/key</c>.</summary>
    public string Name { get; }

    /// <summary>The namespace; <c>""</c> for a key without one.</summary>
    public string Namespace { get; }

    /// <summary>The name without its namespace.</summary>
    public string Key { get; }

    /// <summary>The size of the value [bytes].</summary>
    public long Size { get; }

    /// <summary>Whether the item is soft-deleted.</summary>
    public bool IsDeleted { get; }

    /// <summary>The nesting level of the item.</summary>
    public int Level { get; }

    /// <summary>When the item was last read (local time), if the storage knows.</summary>
    public DateTime? LastAccessTime => _lastAccessTime;

    /// <summary>When the item was last written (local time), if the storage knows.</summary>
    public DateTime? LastWriteTime => _lastWriteTime;

    /// <summary>For a soft-deleted item: when that happened at the latest (local time), if the storage knows.</summary>
    public DateTime? DeletedTime => _deletedTime;

    /// <summary>The store of the item.</summary>
    public BorgStoreHandle Store { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
