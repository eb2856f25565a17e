namespace BorgStore.Commands;

/// <summary>The quota of a store.</summary>
/// <param name="Limit">The most bytes that all values together may have; <see langword="null"/> where there is no quota.</param>
/// <param name="Used">The bytes of all values; <see langword="null"/> where they are not counted.</param>
/// <param name="Available">The bytes that may still be stored, where there is a quota.</param>
/// <param name="Store">The store.</param>
public sealed record BorgStoreQuota(long? Limit, long? Used, long? Available, BorgStoreHandle Store);
