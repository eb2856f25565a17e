namespace BorgStore.Diagnostics;

/// <summary>What was counted for one operation.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">How often it was called.</param>
/// <param name="Time">The time spent in all calls together; calls at the same time add up.</param>
/// <param name="Volume">The bytes loaded or stored.</param>
public readonly record struct OperationStatistics(Operation Operation, long Calls, TimeSpan Time, long Volume)
{
    /// <summary>Bytes a second of the time spent.</summary>
    public double Throughput => Time > TimeSpan.Zero ? Volume / Time.TotalSeconds : 0;
}
