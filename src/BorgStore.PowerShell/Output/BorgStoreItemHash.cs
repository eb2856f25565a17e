using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>The hash of a value.</summary>
/// <param name="Algorithm">The algorithm.</param>
/// <param name="Hash">The digest in lower-case hex, the form used for keys.</param>
/// <param name="Name">The full name of the item.</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
/// <param name="Store">The store of the item.</param>
public sealed record BorgStoreItemHash(string Algorithm, string Hash, string Name, bool IsDeleted, BorgStoreHandle Store);
