namespace BorgStore.Caching;

/// <summary>A value that is being loaded from the storage into the cache.</summary>
/// <param name="name">The nested name.</param>
internal sealed class CacheFill(string name)
{
    // Others wait for a caller that reads its stream slowly, but not for one that stopped reading.
    private static readonly TimeSpan MaxIdleTime = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _lock = new();
    private Action? _cancelStoring;
    private bool _isCanceled;
    private bool _isStoring;
    private long _idleSince;

    public string Name => name;

    /// <summary>Whether its caller is waiting for more of the value, rather than the value for its caller.</summary>
    public bool IsReading
    {
        set => Volatile.Write(ref _idleSince, value ? 0 : Environment.TickCount64);
    }

    /// <summary>A task that completes when it is known whether the value is cached.</summary>
    public Task<bool> Ended => _ended.Task;

    /// <summary>Announces that the value will now be stored in the cache.</summary>
    /// <param name="cancelStoring">Stops the storing.</param>
    /// <returns>Whether to store the value.</returns>
    public bool TryBeginStoring(Action? cancelStoring)
    {
        lock (_lock)
        {
            (_cancelStoring, _isStoring) = (cancelStoring, !_isCanceled);
            return _isStoring;
        }
    }

    /// <summary>Keeps the value out of the cache; completes when it is stored or known not to be.</summary>
    public Task CancelAsync()
    {
        lock (_lock)
        {
            _isCanceled = true;
            if (!_isStoring) return Task.CompletedTask;
            _cancelStoring?.Invoke();
            return _ended.Task;
        }
    }

    /// <summary>Completes the waiting tasks.</summary>
    public void End(bool isCached) => _ended.TrySetResult(isCached);

    /// <summary>Waits for the value.</summary>
    public async ValueTask<FillOutcome> WaitAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var isCached = await _ended.Task.WaitAsync(MaxIdleTime, cancellationToken).ConfigureAwait(false);
                return isCached ? FillOutcome.Cached : FillOutcome.GivenUp;
            }
            catch (TimeoutException)
            {
                var since = Volatile.Read(ref _idleSince);
                if (since != 0 && Environment.TickCount64 - since > MaxIdleTime.TotalMilliseconds) return FillOutcome.Idle;
            }
        }
    }
}

/// <summary>The outcome of another caller's load into the cache.</summary>
internal enum FillOutcome
{
    /// <summary>The value is in the cache.</summary>
    Cached,

    /// <summary>The value is not in the cache, and another caller may try.</summary>
    GivenUp,

    /// <summary>The load is stalled because its caller does not read on.</summary>
    Idle,
}
