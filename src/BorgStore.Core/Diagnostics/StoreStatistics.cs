namespace BorgStore.Diagnostics;

/// <summary>A snapshot of a store's statistics.</summary>
/// <param name="Operations">The operations as seen by the store's callers.</param>
/// <param name="Backend">The operations as seen by the storage, behind the cache and the search through levels.</param>
/// <param name="ForeignNames">The number of listed names that only some platforms support.</param>
public sealed record StoreStatistics(
    IReadOnlyList<OperationStatistics> Operations, IReadOnlyList<OperationStatistics> Backend, long ForeignNames)
{
    /// <summary>The statistics of the cache; all zero without one.</summary>
    public CacheStatistics Cache { get; init; }

    private static readonly Operation[] BackendCalls = [Operation.Load, Operation.Gather, Operation.Store, Operation.Delete, Operation.Copy];

    /// <summary>Returns the figures under the names of the Python package: calls, time [s], volume [bytes],
    /// throughput [bytes/s]; <c>cache_hit_ratio</c> from 0 to 1, <c>cache_disabled</c> 0 or 1.</summary>
    public IReadOnlyDictionary<string, double> ToDictionary()
    {
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var operation in Operations)
        {
            var name = NameOf(operation.Operation);
            figures[$"{name}_calls"] = operation.Calls;
            figures[$"{name}_time"] = operation.Time.TotalSeconds;
            if (operation.Operation is not (Operation.Load or Operation.Gather or Operation.Store or Operation.Copy)) continue;
            figures[$"{name}_volume"] = operation.Volume;
            figures[$"{name}_throughput"] = operation.Throughput;
        }
        foreach (var operation in Backend.Where(operation => BackendCalls.Contains(operation.Operation)))
        {
            var name = NameOf(operation.Operation);
            figures[$"backend_{name}_calls"] = operation.Calls;
            if (operation.Operation != Operation.Delete) figures[$"backend_{name}_volume"] = operation.Volume;
        }
        foreach (var (name, figure) in CacheFigures()) figures[$"cache_{name}"] = figure;
        return figures;
    }

    private (string Name, double Figure)[] CacheFigures() =>
    [
        ("hits", Cache.Hits), ("misses", Cache.Misses), ("hit_ratio", Cache.HitRatio), ("errors", Cache.Errors),
        ("load_calls", Cache.LoadCalls), ("store_calls", Cache.StoreCalls), ("delete_calls", Cache.DeleteCalls),
        ("load_volume", Cache.LoadVolume), ("store_volume", Cache.StoreVolume), ("disabled", Cache.IsDisabled ? 1 : 0),
    ];

    private static string NameOf(Operation operation) => operation.ToString().ToLowerInvariant();
}

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

/// <summary>The statistics of one operation.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">The number of calls.</param>
/// <param name="Time">The total time of all calls; the times of concurrent calls add up.</param>
/// <param name="Volume">The bytes loaded, stored or copied.</param>
public readonly record struct OperationStatistics(Operation Operation, long Calls, TimeSpan Time, long Volume)
{
    /// <summary>The bytes per second of the time spent.</summary>
    public double Throughput => Time > TimeSpan.Zero ? Volume / Time.TotalSeconds : 0;
}
