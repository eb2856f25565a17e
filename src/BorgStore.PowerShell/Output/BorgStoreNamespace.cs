using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>A container on a drive: a namespace, the beginning of namespaces, or the root.</summary>
public sealed class BorgStoreNamespace
{
    internal BorgStoreNamespace(string name, IReadOnlyList<int> levels, BorgStoreHandle store) => (Name, Levels, Store) = (name, levels, store);

    /// <summary>The name; <c>""</c> for the root.</summary>
    public string Name { get; }

    /// <summary>The nesting levels; empty if this is only the beginning of other namespaces.</summary>
    public IReadOnlyList<int> Levels { get; }

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
