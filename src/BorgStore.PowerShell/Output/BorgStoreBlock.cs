namespace BorgStore.Commands;

/// <summary>A part of the value of an item.</summary>
/// <param name="Name">The full name of the item.</param>
/// <param name="Offset">The first byte.</param>
/// <param name="Length">How many bytes; <see langword="null"/> for all to the end.</param>
public sealed record BorgStoreBlock(string Name, long Offset, long? Length);
