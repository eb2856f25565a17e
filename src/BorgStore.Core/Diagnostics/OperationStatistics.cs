namespace BorgStore.Diagnostics;

/// <summary>The statistics of one operation.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">The number of calls.</param>
/// <param name="Time">The total time of all calls; the times of concurrent calls add up.</param>
/// <param name="Volume">The bytes loaded or stored.</param>
public readonly record struct OperationStatistics(Operation Operation, long Calls, TimeSpan Time, long Volume)
{
    /// <summary>The bytes per second of the time spent.</summary>
    public double Throughput => Time > TimeSpan.Zero ? Volume / Time.TotalSeconds : 0;
}
