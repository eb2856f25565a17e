namespace BorgStore.Commands;

/// <summary>How a <see cref="Pump"/> works.</summary>
/// <param name="Parallelism">How many jobs run at a time.</param>
internal sealed record PumpOptions(int Parallelism)
{
    /// <summary>Whether results come in the order of the jobs, not as they are ready.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>How many jobs may wait for their turn besides those that run, so that none of the workers has to wait for the pipeline
    /// thread. One at a time is strict: none is taken before all outputs of the last were written.</summary>
    public int Waiting { get; init; } = Parallelism - 1;

    /// <summary>What makes of a result, on the pipeline thread, the object that is handed on.</summary>
    public Func<object, object>? Present { get; init; }

    /// <summary>What makes an error clearer, from the error and the target of its job. Called on any thread.</summary>
    public Func<Exception, object, Exception>? Explain { get; init; }

    /// <summary>Whether jobs that were begun are finished, and told of, when the pipeline ends early.</summary>
    public bool FinishesJobs { get; init; }
}
