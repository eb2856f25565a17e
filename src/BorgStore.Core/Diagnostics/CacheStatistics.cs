namespace BorgStore.Diagnostics;

/// <summary>The statistics of a cache.</summary>
/// <param name="Hits">The loads that were served from the cache.</param>
/// <param name="Misses">The loads that went to the storage, in namespaces that are read from the cache.</param>
/// <param name="Errors">The failures of the cache, and the damaged values found in it. None of them made a store operation fail.</param>
/// <param name="LoadCalls">The number of attempts to load a value from it.</param>
/// <param name="StoreCalls">The number of attempts to store a value in it.</param>
/// <param name="DeleteCalls">The number of values deleted from it, including evictions.</param>
/// <param name="LoadVolume">The bytes loaded from it.</param>
/// <param name="StoreVolume">The bytes stored in it.</param>
/// <param name="IsDisabled">Whether it is disabled until the store is opened again, after a permanent failure.</param>
public readonly record struct CacheStatistics(
    long Hits, long Misses, long Errors, long LoadCalls, long StoreCalls, long DeleteCalls, long LoadVolume, long StoreVolume, bool IsDisabled)
{
    /// <summary>The fraction of loads that were served from the cache, from 0 to 1.</summary>
    public double HitRatio => Hits + Misses > 0 ? (double)Hits / (Hits + Misses) : 0;
}
