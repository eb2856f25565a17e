using BorgStore.Backends;

namespace BorgStore.PowerShell.Pipeline;

/// <summary>Options of a <see cref="JobRunner"/>.</summary>
/// <param name="Parallelism">The number of jobs that run at a time.</param>
internal sealed record JobRunnerOptions(int Parallelism)
{
    /// <summary>Whether results are written in the order of the jobs instead of as they are ready.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>The number of jobs that may wait besides those running, so that no worker has to wait for the pipeline thread. The default is none
    /// with a parallelism of one, so that a job starts only when all output of the last one was written.</summary>
    public int Waiting { get; init; } = Parallelism - 1;

    /// <summary>Converts a result to the object to write, on the pipeline thread.</summary>
    public Func<object, object>? Present { get; init; }

    /// <summary>Adds advice to an error, given the error and the target of its job. May be called on any thread.</summary>
    public Func<Exception, object, Exception>? Explain { get; init; }

    /// <summary>The limit on the rate of all transfers.</summary>
    public RateLimit? Limit { get; init; }

    /// <summary>The log of the jobs.</summary>
    public EventLog? Log { get; init; }

    /// <summary>Whether started jobs are finished and reported when the pipeline ends early.</summary>
    public bool FinishesJobs { get; init; }
}
