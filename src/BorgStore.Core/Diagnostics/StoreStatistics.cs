namespace BorgStore.Diagnostics;

/// <summary>The statistics of a store at one moment.</summary>
/// <param name="Operations">By operation, as the store's callers saw it.</param>
/// <param name="Backend">By operation, as the storage behind cache and level search saw it.</param>
/// <param name="ForeignNames">How many listed names only some platforms can hold.</param>
public sealed record StoreStatistics(
    IReadOnlyList<OperationStatistics> Operations, IReadOnlyList<OperationStatistics> Backend, long ForeignNames)
{
    /// <summary>What was counted of the cache; all zero without one.</summary>
    public CacheStatistics Cache { get; init; }

    private static readonly Operation[] BackendCalls = [Operation.Load, Operation.Gather, Operation.Store, Operation.Delete];

    /// <summary>The figures under the names of the Python package: calls, time [s], volume [bytes],
    /// throughput [bytes/s]; <c>cache_hit_ratio</c> from 0 to 1, <c>cache_disabled</c> 0 or 1.</summary>
    public IReadOnlyDictionary<string, double> ToDictionary()
    {
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var operation in Operations)
        {
            var name = NameOf(operation.Operation);
            figures[$"{name}_calls"] = operation.Calls;
            figures[$"{name}_time"] = operation.Time.TotalSeconds;
            if (operation.Operation is not (Operation.Load or Operation.Gather or Operation.Store)) continue;
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
