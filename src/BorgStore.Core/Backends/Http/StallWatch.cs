namespace BorgStore.Backends.Http;

/// <summary>Ends what waits for the line once nothing happened there for too long. Time that others need does not count.</summary>
/// <param name="limit">How long nothing may happen.</param>
/// <param name="caller">Ends it as well.</param>
internal sealed class StallWatch(TimeSpan limit, CancellationToken caller) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(caller);

    /// <summary>How long nothing may happen.</summary>
    public TimeSpan Limit => limit;

    /// <summary>Ends when the line has stalled, or when the caller wants no more.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether it was the line that ended it.</summary>
    public bool HasStalled => _source.IsCancellationRequested && !caller.IsCancellationRequested;

    /// <summary>Something happened on the line; the time begins anew.</summary>
    public void Start() => _source.CancelAfter(limit);

    /// <summary>It is not the line that is waited for.</summary>
    public void Pause() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    /// <summary>The line has stalled, which was found out in another way than by waiting.</summary>
    public void Stall() => _source.Cancel();

    public void Dispose() => _source.Dispose();
}
