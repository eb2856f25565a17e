namespace BorgStore.Backends.S3;

/// <summary>A clock that ends what stands still for too long.</summary>
/// <param name="limit">How long nothing may move.</param>
/// <param name="caller">Ends it as well.</param>
internal sealed class StallWatch(TimeSpan limit, CancellationToken caller) : IDisposable
{
    private readonly CancellationTokenSource _source = CancellationTokenSource.CreateLinkedTokenSource(caller);

    public CancellationToken Token => _source.Token;

    public bool HasStalled => _source.IsCancellationRequested && !caller.IsCancellationRequested;

    public void Touch() => _source.CancelAfter(limit);

    public void Pause() => _source.CancelAfter(Timeout.InfiniteTimeSpan);

    public HttpRequestException ToException(Exception cause)
        => new($"Nothing moved for {limit.TotalSeconds:0} seconds.", new TimeoutException("The server stopped answering.", cause));

    public void Dispose() => _source.Dispose();
}
