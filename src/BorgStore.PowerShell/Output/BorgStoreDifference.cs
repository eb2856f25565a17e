using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>An item that was compared with another store.</summary>
/// <param name="Name">The full name.</param>
/// <param name="SideIndicator">Where the item is, as Compare-Object says it: <c>&lt;=</c> only in the reference, <c>=&gt;</c> only in the other store,
/// <c>==</c> equal, <c>&lt;&gt;</c> different.</param>
/// <param name="Reason">The difference in words.</param>
/// <param name="Size">The size of the value [bytes], in the reference if it is there.</param>
/// <param name="DifferenceSize">The size of the value in the other store [bytes], if it is there.</param>
/// <param name="IsDeleted">Whether the item is soft-deleted.</param>
/// <param name="Store">The store of the item: the reference if it is there.</param>
public sealed record BorgStoreDifference(
    string Name, string SideIndicator, string Reason, long Size, long? DifferenceSize, bool IsDeleted, BorgStoreHandle? Store);
