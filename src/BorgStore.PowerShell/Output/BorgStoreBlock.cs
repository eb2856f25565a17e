namespace BorgStore.PowerShell.Output;

/// <summary>A part of an item's value.</summary>
/// <param name="Name">The full name of the item.</param>
/// <param name="Offset">The offset of the first byte.</param>
/// <param name="Length">The number of bytes, or <see langword="null"/> for everything up to the end.</param>
public sealed record BorgStoreBlock(string Name, long Offset, long? Length)
{
    /// <summary>Whether the block was made from an item, in which case its length is the item's size.</summary>
    internal bool IsItem { get; init; }

    /// <summary>Whether the block was made from an object that names its store, which is only used when the object is piped.</summary>
    internal bool HasStore { get; init; }
}
