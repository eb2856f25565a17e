namespace BorgStore.Caching;

/// <summary>One value on its way from the storage into the cache.</summary>
/// <param name="name">The nested name.</param>
internal sealed class CacheFill(string name)
{
    // Who reads a stream a bit at a time is waited for, who went to sleep over it is not.
    private static readonly TimeSpan LongestIdleness = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _lock = new();
    private Action? _giveUp;
    private bool _isGivenUp;
    private bool _isStoring;
    private long _idleSince;

    public string Name => name;

    /// <summary>Whether its caller waits for more of the value now, rather than the value for its caller.</summary>
    public bool IsReading
    {
        set => Volatile.Write(ref _idleSince, value ? 0 : Environment.TickCount64);
    }

    /// <summary>Ends when it is known whether the value is in the cache.</summary>
    public Task<bool> Ended => _ended.Task;

    /// <summary>Announces that the value goes into the cache from now on.</summary>
    /// <param name="giveUp">How to stop that.</param>
    /// <returns>Whether it still shall.</returns>
    public bool TryBeginStoring(Action? giveUp)
    {
        lock (_lock)
        {
            (_giveUp, _isStoring) = (giveUp, !_isGivenUp);
            return _isStoring;
        }
    }

    /// <summary>Keeps the value out of the cache; returns when it is there or is known not to come.</summary>
    public Task GiveUpAsync()
    {
        lock (_lock)
        {
            _isGivenUp = true;
            if (!_isStoring) return Task.CompletedTask;
            _giveUp?.Invoke();
            return _ended.Task;
        }
    }

    /// <summary>Tells those who wait.</summary>
    public void End(bool isCached) => _ended.TrySetResult(isCached);

    /// <summary>Waits for the value.</summary>
    public async ValueTask<FillOutcome> WaitAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                var isCached = await _ended.Task.WaitAsync(LongestIdleness, cancellationToken).ConfigureAwait(false);
                return isCached ? FillOutcome.Cached : FillOutcome.GivenUp;
            }
            catch (TimeoutException)
            {
                var since = Volatile.Read(ref _idleSince);
                if (since != 0 && Environment.TickCount64 - since > LongestIdleness.TotalMilliseconds) return FillOutcome.Idle;
            }
        }
    }
}
