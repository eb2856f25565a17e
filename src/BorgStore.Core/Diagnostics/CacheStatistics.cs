namespace BorgStore.Diagnostics;

/// <summary>What was counted of a cache.</summary>
/// <param name="Hits">Loads that the cache answered.</param>
/// <param name="Misses">Loads that had to go to the storage, in namespaces that are read from the cache.</param>
/// <param name="Errors">What the cache failed to do, and damaged values found in it. The store operations did not fail for it.</param>
/// <param name="LoadCalls">How often the cache was asked for a value.</param>
/// <param name="StoreCalls">How often a value was put into it.</param>
/// <param name="DeleteCalls">How often a value was removed from it, to make room too.</param>
/// <param name="LoadVolume">The bytes taken from it.</param>
/// <param name="StoreVolume">The bytes put into it.</param>
/// <param name="IsDisabled">Whether it is left alone until the store is opened again, after a failure that does not pass.</param>
public readonly record struct CacheStatistics(
    long Hits, long Misses, long Errors, long LoadCalls, long StoreCalls, long DeleteCalls, long LoadVolume, long StoreVolume, bool IsDisabled)
{
    /// <summary>The share of loads that the cache answered, from 0 to 1.</summary>
    public double HitRatio => Hits + Misses > 0 ? (double)Hits / (Hits + Misses) : 0;
}
