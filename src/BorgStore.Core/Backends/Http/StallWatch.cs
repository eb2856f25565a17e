namespace BorgStore.Backends.Http;

/// <summary>Cancels network operations after too long without activity. Time spent elsewhere does not count.</summary>
/// <param name="limit">The longest time without activity.</param>
/// <param name="caller">The caller's token, which cancels too.</param>
internal sealed class StallWatch(TimeSpan limit, CancellationToken caller) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(caller);

    /// <summary>The longest time without activity.</summary>
    public TimeSpan Limit => limit;

    /// <summary>A token that is cancelled when the connection stalls or the caller cancels.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the connection stalled, rather than the caller having cancelled.</summary>
    public bool HasStalled => _source.IsCancellationRequested && !caller.IsCancellationRequested;

    /// <summary>Starts or restarts the timer, after activity on the connection.</summary>
    public void Start() => _source.CancelAfter(limit);

    /// <summary>Stops the timer, while the connection is not waited for.</summary>
    public void Pause() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>Reports a stall that was detected in another way than by waiting.</summary>
    public void Stall() => _source.Cancel();

    public void Dispose() => _source.Dispose();
}
