using BorgStore.Diagnostics;

namespace BorgStore.Commands;

/// <summary>What was counted since a store was opened. The names of the Python package, such as <c>load_calls</c>, are aliases that the
/// cmdlet adds.</summary>
public sealed class BorgStoreStatistic
{
    private readonly CacheStatistics _cache;

    internal BorgStoreStatistic(StoreStatistics statistics, BorgStoreHandle store)
    {
        Operations = [.. statistics.Operations.Zip(statistics.Backend, (own, backend) => new BorgStoreOperation(
            own.Operation, own.Calls, own.Time, own.Volume, own.Throughput, backend.Calls, backend.Volume))];
        _cache = statistics.Cache;
        Store = store;
    }

    /// <summary>By operation.</summary>
    public IReadOnlyList<BorgStoreOperation> Operations { get; }

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }

    /// <summary>How often callers asked for items.</summary>
    public long InfoCount => Of(Operation.Info).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan InfoTime => Of(Operation.Info).Time;

    /// <summary>How often callers loaded values.</summary>
    public long LoadCount => Of(Operation.Load).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan LoadTime => Of(Operation.Load).Time;

    /// <summary>The bytes that were moved [bytes].</summary>
    public long LoadVolume => Of(Operation.Load).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double LoadThroughput => Of(Operation.Load).Throughput;

    /// <summary>How often callers loaded ranges of several values.</summary>
    public long GatherCount => Of(Operation.Gather).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan GatherTime => Of(Operation.Gather).Time;

    /// <summary>The bytes that were moved [bytes].</summary>
    public long GatherVolume => Of(Operation.Gather).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double GatherThroughput => Of(Operation.Gather).Throughput;

    /// <summary>How often callers stored values.</summary>
    public long StoreCount => Of(Operation.Store).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan StoreTime => Of(Operation.Store).Time;

    /// <summary>The bytes that were moved [bytes].</summary>
    public long StoreVolume => Of(Operation.Store).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double StoreThroughput => Of(Operation.Store).Throughput;

    /// <summary>How often callers deleted items.</summary>
    public long DeleteCount => Of(Operation.Delete).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan DeleteTime => Of(Operation.Delete).Time;

    /// <summary>How often callers moved, soft-deleted or restored items.</summary>
    public long MoveCount => Of(Operation.Move).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan MoveTime => Of(Operation.Move).Time;

    /// <summary>How often callers listed.</summary>
    public long ListCount => Of(Operation.List).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan ListTime => Of(Operation.List).Time;

    /// <summary>How often callers hashed values.</summary>
    public long HashCount => Of(Operation.Hash).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan HashTime => Of(Operation.Hash).Time;

    /// <summary>How often callers defragmented.</summary>
    public long DefragCount => Of(Operation.Defrag).Calls;

    /// <summary>The time spent in these calls; calls at the same time add up.</summary>
    public TimeSpan DefragTime => Of(Operation.Defrag).Time;

    /// <summary>How often the storage was asked to load, behind the cache and the search of levels.</summary>
    public long BackendLoadCount => Of(Operation.Load).BackendCalls;

    /// <summary>The bytes that the storage moved for it [bytes].</summary>
    public long BackendLoadVolume => Of(Operation.Load).BackendVolume;

    /// <summary>How often the storage was asked to gather, behind the cache and the search of levels.</summary>
    public long BackendGatherCount => Of(Operation.Gather).BackendCalls;

    /// <summary>The bytes that the storage moved for it [bytes].</summary>
    public long BackendGatherVolume => Of(Operation.Gather).BackendVolume;

    /// <summary>How often the storage was asked to store, behind the cache and the search of levels.</summary>
    public long BackendStoreCount => Of(Operation.Store).BackendCalls;

    /// <summary>The bytes that the storage moved for it [bytes].</summary>
    public long BackendStoreVolume => Of(Operation.Store).BackendVolume;

    /// <summary>How often the storage was asked to delete, behind the cache and the search of levels.</summary>
    public long BackendDeleteCount => Of(Operation.Delete).BackendCalls;

    /// <summary>Loads that the cache answered.</summary>
    public long CacheHitCount => _cache.Hits;

    /// <summary>Loads that had to go to the storage.</summary>
    public long CacheMissCount => _cache.Misses;

    /// <summary>What the cache failed to do.</summary>
    public long CacheErrorCount => _cache.Errors;

    /// <summary>How often the cache was asked for a value.</summary>
    public long CacheLoadCount => _cache.LoadCalls;

    /// <summary>How often a value was put into the cache.</summary>
    public long CacheStoreCount => _cache.StoreCalls;

    /// <summary>How often a value was removed from the cache.</summary>
    public long CacheDeleteCount => _cache.DeleteCalls;

    /// <summary>The bytes taken from the cache [bytes].</summary>
    public long CacheLoadVolume => _cache.LoadVolume;

    /// <summary>The bytes put into the cache [bytes].</summary>
    public long CacheStoreVolume => _cache.StoreVolume;

    /// <summary>The share of loads that the cache answered, from 0 to 1.</summary>
    public double CacheHitRatio => _cache.HitRatio;

    /// <summary>Whether the cache is left alone until the store is opened again, after a failure that does not pass.</summary>
    public bool IsCacheDisabled => _cache.IsDisabled;

    private BorgStoreOperation Of(Operation operation) => Operations[(int)operation];
}

/// <summary>What was counted for one operation.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">How often the store was asked for it.</param>
/// <param name="Time">The time spent in all calls together; calls at the same time add up.</param>
/// <param name="Volume">The bytes loaded or stored.</param>
/// <param name="Throughput">Bytes a second of the time spent.</param>
/// <param name="BackendCalls">How often the storage was asked for it, behind cache and level search.</param>
/// <param name="BackendVolume">The bytes that the storage loaded or stored.</param>
public sealed record BorgStoreOperation(
    Operation Operation, long Calls, TimeSpan Time, long Volume, double Throughput, long BackendCalls, long BackendVolume);
