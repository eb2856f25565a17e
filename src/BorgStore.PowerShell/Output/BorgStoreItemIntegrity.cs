using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>The result of comparing the hash of a value with its key.</summary>
/// <param name="Name">The full name of the item.</param>
/// <param name="Valid">Whether the hash matches the key.</param>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="Expected">The expected digest: the key.</param>
/// <param name="Actual">The digest of the value.</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
/// <param name="Store">The store of the item.</param>
public sealed record BorgStoreItemIntegrity(
    string Name, bool Valid, string Algorithm, string Expected, string Actual, bool IsDeleted, BorgStoreHandle Store);
