using BorgStore.Diagnostics;
using BorgStore.PowerShell.Session;

namespace BorgStore.PowerShell.Output;

/// <summary>Statistics of a store since it was opened. The cmdlet adds the names of the
/// Python package, such as <c>load_calls</c>, as aliases.</summary>
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

    /// <summary>The statistics of each operation.</summary>
    public IReadOnlyList<BorgStoreOperation> Operations { get; }

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }

    /// <summary>The number of calls to get information about an item.</summary>
    public long InfoCount => Of(Operation.Info).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan InfoTime => Of(Operation.Info).Time;

    /// <summary>The number of calls to load a value.</summary>
    public long LoadCount => Of(Operation.Load).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan LoadTime => Of(Operation.Load).Time;

    /// <summary>The amount of data loaded [bytes].</summary>
    public long LoadVolume => Of(Operation.Load).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double LoadThroughput => Of(Operation.Load).Throughput;

    /// <summary>The number of calls to load ranges of several values.</summary>
    public long GatherCount => Of(Operation.Gather).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan GatherTime => Of(Operation.Gather).Time;

    /// <summary>The amount of data loaded [bytes].</summary>
    public long GatherVolume => Of(Operation.Gather).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double GatherThroughput => Of(Operation.Gather).Throughput;

    /// <summary>The number of calls to store a value.</summary>
    public long StoreCount => Of(Operation.Store).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan StoreTime => Of(Operation.Store).Time;

    /// <summary>The amount of data stored [bytes].</summary>
    public long StoreVolume => Of(Operation.Store).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double StoreThroughput => Of(Operation.Store).Throughput;

    /// <summary>The number of calls to delete an item.</summary>
    public long DeleteCount => Of(Operation.Delete).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan DeleteTime => Of(Operation.Delete).Time;

    /// <summary>The number of calls to move, soft-delete or restore an item.</summary>
    public long MoveCount => Of(Operation.Move).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan MoveTime => Of(Operation.Move).Time;

    /// <summary>The number of calls to list items.</summary>
    public long ListCount => Of(Operation.List).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan ListTime => Of(Operation.List).Time;

    /// <summary>The number of calls to hash a value.</summary>
    public long HashCount => Of(Operation.Hash).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan HashTime => Of(Operation.Hash).Time;

    /// <summary>The number of calls to defragment.</summary>
    public long DefragCount => Of(Operation.Defrag).Calls;

    /// <summary>The total time of these calls; concurrent calls add up.</summary>
    public TimeSpan DefragTime => Of(Operation.Defrag).Time;

    /// <summary>The number of values copied by the storage itself, from this store or another one.</summary>
    public long CopyCount => Of(Operation.Copy).Calls;

    /// <summary>The total time of these copies; concurrent ones add up.</summary>
    public TimeSpan CopyTime => Of(Operation.Copy).Time;

    /// <summary>The amount of data copied [bytes].</summary>
    public long CopyVolume => Of(Operation.Copy).Volume;

    /// <summary>The throughput [bytes/s].</summary>
    public double CopyThroughput => Of(Operation.Copy).Throughput;

    /// <summary>The number of load calls to the storage, after the cache and the search of levels.</summary>
    public long BackendLoadCount => Of(Operation.Load).BackendCalls;

    /// <summary>The amount of data loaded from the storage [bytes].</summary>
    public long BackendLoadVolume => Of(Operation.Load).BackendVolume;

    /// <summary>The number of gather calls to the storage, after the cache and the search of levels.</summary>
    public long BackendGatherCount => Of(Operation.Gather).BackendCalls;

    /// <summary>The amount of data gathered from the storage [bytes].</summary>
    public long BackendGatherVolume => Of(Operation.Gather).BackendVolume;

    /// <summary>The number of store calls to the storage, after the cache and the search of levels.</summary>
    public long BackendStoreCount => Of(Operation.Store).BackendCalls;

    /// <summary>The amount of data stored in the storage [bytes].</summary>
    public long BackendStoreVolume => Of(Operation.Store).BackendVolume;

    /// <summary>The number of delete calls to the storage, after the cache and the search of levels.</summary>
    public long BackendDeleteCount => Of(Operation.Delete).BackendCalls;

    /// <summary>The number of values copied by the storage itself.</summary>
    public long BackendCopyCount => Of(Operation.Copy).BackendCalls;

    /// <summary>The amount of data copied by the storage itself [bytes].</summary>
    public long BackendCopyVolume => Of(Operation.Copy).BackendVolume;

    /// <summary>The number of loads served by the cache.</summary>
    public long CacheHitCount => _cache.Hits;

    /// <summary>The number of loads that the cache could not serve.</summary>
    public long CacheMissCount => _cache.Misses;

    /// <summary>The number of failed cache operations.</summary>
    public long CacheErrorCount => _cache.Errors;

    /// <summary>The number of load calls to the cache.</summary>
    public long CacheLoadCount => _cache.LoadCalls;

    /// <summary>The number of store calls to the cache.</summary>
    public long CacheStoreCount => _cache.StoreCalls;

    /// <summary>The number of delete calls to the cache.</summary>
    public long CacheDeleteCount => _cache.DeleteCalls;

    /// <summary>The amount of data loaded from the cache [bytes].</summary>
    public long CacheLoadVolume => _cache.LoadVolume;

    /// <summary>The amount of data stored in the cache [bytes].</summary>
    public long CacheStoreVolume => _cache.StoreVolume;

    /// <summary>The fraction of loads served by the cache, from 0 to 1.</summary>
    public double CacheHitRatio => _cache.HitRatio;

    /// <summary>Whether the cache is disabled until the store is reopened, after a permanent failure.</summary>
    public bool IsCacheDisabled => _cache.IsDisabled;

    private BorgStoreOperation Of(Operation operation) => Operations[(int)operation];
}

/// <summary>The statistics of one operation.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">The number of calls to the store.</param>
/// <param name="Time">The total time of all calls; concurrent calls add up.</param>
/// <param name="Volume">The amount of data loaded, stored or copied [bytes].</param>
/// <param name="Throughput">The volume divided by the time [bytes/s].</param>
/// <param name="BackendCalls">The number of calls to the storage, after the cache and the search of levels.</param>
/// <param name="BackendVolume">The amount of data that the storage loaded, stored or copied [bytes].</param>
public sealed record BorgStoreOperation(
    Operation Operation, long Calls, TimeSpan Time, long Volume, double Throughput, long BackendCalls, long BackendVolume);
