using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>The quota of a store.</summary>
/// <param name="Limit">The maximum total size of all values [bytes], or <see langword="null"/> without a quota.</param>
/// <param name="Used">The total size of all values [bytes], or <see langword="null"/> if they are not counted.</param>
/// <param name="Available">The bytes that may still be stored, or <see langword="null"/> without a quota.</param>
/// <param name="Store">The store.</param>
public sealed record BorgStoreQuota(long? Limit, long? Used, long? Available, BorgStoreHandle Store);
