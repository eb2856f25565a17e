namespace BorgStore.Commands;

/// <summary>Whether a value has the hash that its key says.</summary>
/// <param name="Name">The full name of the item.</param>
/// <param name="Valid">Whether it has.</param>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="Expected">The digest that the key is.</param>
/// <param name="Actual">The digest that the value has.</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
/// <param name="Store">The store that it lies in.</param>
public sealed record BorgStoreItemIntegrity(
    string Name, bool Valid, string Algorithm, string Expected, string Actual, bool IsDeleted, BorgStoreHandle Store);
