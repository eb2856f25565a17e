using BorgStore.Diagnostics;

namespace BorgStore.Commands;

/// <summary>What was counted since a store was opened. Besides these properties the cmdlet adds every figure under the name that the
/// Python package has for it, such as <c>load_calls</c>.</summary>
public sealed class BorgStoreStatistic
{
    internal BorgStoreStatistic(StoreStatistics statistics, BorgStoreHandle store)
    {
        Operations = [.. statistics.Operations.Zip(statistics.Backend, (own, backend) => new BorgStoreOperation(
            own.Operation, own.Calls, own.Time, own.Volume, own.Throughput, backend.Calls, backend.Volume))];
        Store = store;
    }

    /// <summary>By operation.</summary>
    public IReadOnlyList<BorgStoreOperation> Operations { get; }

    /// <summary>The store.</summary>
    public BorgStoreHandle Store { get; }
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
