namespace BorgStore.Backends.Shared;

/// <summary>Limits how many bytes are in flight, or in memory, at once. Callers are served in the order of their calls.</summary>
/// <param name="total">The number of bytes.</param>
/// <param name="inBatches">Whether to wake waiters only when at least half of the total is available:
/// waking them for every small amount costs more than the work that they then do.</param>
internal sealed class Credits(int total, bool inBatches = false)
{
    private readonly object _lock = new();
    private readonly Queue<(TaskCompletionSource Waiter, int Count)> _waiting = new();
    private int _total = total;
    private int _left = total;

    /// <summary>Waits until the given number of bytes may be in flight.</summary>
    /// <param name="count">The number of bytes; at most the total.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask TakeAsync(int count, CancellationToken cancellationToken)
    {
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (_waiting.Count == 0 && _left >= count)
            {
                _left -= count;
                return;
            }
            waiter = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue((waiter, count));
        }

        using var registration = cancellationToken.UnsafeRegister(
            static (waiter, token) => ((TaskCompletionSource)waiter!).TrySetCanceled(token), waiter);
        await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>Takes the bytes if they are available now.</summary>
    /// <param name="count">The number of bytes.</param>
    public bool TryTake(int count)
    {
        lock (_lock)
        {
            if (_waiting.Count > 0 || _left < count) return false;
            _left -= count;
            return true;
        }
    }

    /// <summary>Returns bytes that are no longer in flight.</summary>
    /// <param name="count">The number of bytes.</param>
    /// <param name="newTotal">The new total, if it changes.</param>
    public void Return(int count, int? newTotal = null)
    {
        lock (_lock)
        {
            _left += count;
            if (newTotal is { } now) (_left, _total) = (_left + now - _total, now);
            if (inBatches && _left < _total / 2) return;
            while (_waiting.TryPeek(out var first) && _left >= first.Count)
            {
                _waiting.Dequeue();
                if (first.Waiter.TrySetResult()) _left -= first.Count;
            }
        }
    }
}
