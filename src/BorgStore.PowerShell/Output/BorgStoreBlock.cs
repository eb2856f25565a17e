namespace BorgStore.Commands;

/// <summary>A part of the value of an item.</summary>
/// <param name="Name">The full name of the item.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">How many bytes; <see langword="null"/> for all to the end.</param>
public sealed record BorgStoreBlock(string Name, long Offset, long? Length)
{
    /// <summary>Whether it was made of an item, whose size its length is.</summary>
    internal bool IsItem { get; init; }

    /// <summary>Whether the object that it was made of names its store, which only the pipe takes along.</summary>
    internal bool HasStore { get; init; }
}
