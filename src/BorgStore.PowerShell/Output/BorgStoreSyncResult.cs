using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>An item that a synchronisation has changed in the destination.</summary>
/// <param name="Name">The full name.</param>
/// <param name="Action">What was done: Copy, Replace or Delete.</param>
/// <param name="Size">The size of the value [bytes].</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
/// <param name="Store">The destination.</param>
public sealed record BorgStoreSyncResult(string Name, string Action, long Size, bool IsDeleted, BorgStoreHandle Store);

/// <summary>What a synchronisation has done.</summary>
/// <param name="Source">The URL of the source.</param>
/// <param name="Destination">The URL of the destination.</param>
/// <param name="Compared">The number of names that were compared.</param>
/// <param name="Copied">The number of items that were copied, new and replaced ones.</param>
/// <param name="Deleted">The number of items that were deleted in the destination.</param>
/// <param name="Failed">The number of errors.</param>
/// <param name="Bytes">The size of the copied values [bytes].</param>
/// <param name="Duration">The time that it took.</param>
public sealed record BorgStoreSyncSummary(
    string Source, string Destination, long Compared, long Copied, long Deleted, long Failed, long Bytes, TimeSpan Duration);
