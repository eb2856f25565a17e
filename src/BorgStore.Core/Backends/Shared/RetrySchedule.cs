using System.Diagnostics.Metrics;

namespace BorgStore.Backends.Shared;

/// <summary>When to try again, for all storages: each pause is twice as long as the one before, and random by a quarter, so that several
/// clients don't stay in step.</summary>
/// <param name="Retries">The maximum number of further attempts.</param>
/// <param name="InitialRetryDelay">The pause before the first of them.</param>
internal sealed record RetrySchedule(int Retries, TimeSpan InitialRetryDelay)
{
    // In the meter of the calls to storages, which knows nothing of the attempts that one call takes.
    private static readonly Counter<long> Attempts = new Meter("BorgStore").CreateCounter<long>(
        "borgstore.retries", "{retry}", "Requests to storages and servers that were repeated after a failure.");

    /// <summary>No further attempt.</summary>
    public static RetrySchedule Never { get; } = new(0, TimeSpan.Zero);

    /// <summary>The maximum pause.</summary>
    public TimeSpan MaxPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Returns how long to wait before another attempt; <see langword="null"/> if there is none.</summary>
    /// <param name="failures">The number of failed attempts before the last.</param>
    public TimeSpan? GetPause(int failures)
    {
        if (failures >= Retries) return null;
        Attempts.Add(1);
        var pause = InitialRetryDelay * Math.Pow(2, Math.Min(failures, 20)) * (0.75 + (Random.Shared.NextDouble() / 2));
        return pause < MaxPause ? pause : MaxPause;
    }
}
