using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>A value with the name of its item, which can be piped to <c>Set-BorgStoreItem</c>.</summary>
public sealed class BorgStoreItemContent : IDisposable
{
    internal BorgStoreItemContent(string name, object value, bool isDeleted, BorgStoreHandle store)
        => (Name, Value, IsDeleted, Store) = (name, value, isDeleted, store);

    /// <summary>The full name of the item.</summary>
    public string Name { get; set; }

    /// <summary>The value, or the part of it that was read, as byte[], string or stream.</summary>
    public object Value { get; set; }

    /// <summary>Whether the item is soft-deleted.</summary>
    public bool IsDeleted { get; }

    /// <summary>The store of the item.</summary>
    public BorgStoreHandle Store { get; }

    /// <summary>Disposes the value if it is a stream.</summary>
    public void Dispose() => (Value as IDisposable)?.Dispose();

    /// <inheritdoc/>
    public override string ToString() => Name;
}
