namespace BorgStore.Commands;

/// <summary>An item of a store: what is known of it besides its value.</summary>
public sealed class BorgStoreItem
{
    internal BorgStoreItem(StoreItem item, BorgStoreHandle store)
    {
        Name = item.Name;
        Namespace = item.Namespace;
        Key = item.Key;
        Size = item.Size;
        IsDeleted = item.IsDeleted;
        Level = item.Level;
        LastAccessTime = item.LastAccessTime?.ToLocalTime();
        LastWriteTime = item.LastWriteTime?.ToLocalTime();
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

    /// <summary>Whether it is soft-deleted.</summary>
    public bool IsDeleted { get; }

    /// <summary>The nesting level at which it lies.</summary>
    public int Level { get; }

    /// <summary>When it was last read (local time), where the storage knows.</summary>
    public DateTime? LastAccessTime { get; }

    /// <summary>When it was written (local time), where the storage knows.</summary>
    public DateTime? LastWriteTime { get; }

    /// <summary>The store that it lies in.</summary>
    public BorgStoreHandle Store { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
