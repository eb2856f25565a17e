namespace BorgStore.Backends.Rest;

/// <summary>Ends what waits for the line once nothing happened there for too long. Time that others need does not count.</summary>
internal sealed class StallWatch : IDisposable
{
    private readonly TimeSpan _timeout;
    private readonly CancellationTokenSource _source;

    public StallWatch(TimeSpan timeout, CancellationToken cancellationToken)
        => (_timeout, _source) = (timeout, CancellationTokenSource.CreateLinkedTokenSource(cancellationToken));

    /// <summary>Ends when the line has stalled, or when the caller wants no more.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Something happened on the line; the time begins anew.</summary>
    public void Start() => _source.CancelAfter(_timeout);

    /// <summary>It is not the line that is waited for.</summary>
    public void Pause() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose() => _source.Dispose();
}
