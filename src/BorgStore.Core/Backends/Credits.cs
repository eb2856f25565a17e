namespace BorgStore.Backends;

/// <summary>Bounds how many bytes are on their way, or in memory, at once. Callers are served in the order in which they come.</summary>
/// <param name="total">How many bytes.</param>
/// <param name="inBatches">Whether those who wait are woken when half of all is left, no sooner: to be woken for every little costs
/// more than what is then done.</param>
internal sealed class Credits(int total, bool inBatches = false)
{
    private readonly object _lock = new();
    private readonly Queue<(TaskCompletionSource Turn, int Count)> _waiting = new();
    private int _total = total;
    private int _left = total;

    /// <summary>Waits until so many bytes may be on their way.</summary>
    /// <param name="count">How many bytes; no more than there are in all.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask TakeAsync(int count, CancellationToken cancellationToken)
    {
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (_waiting.Count == 0 && _left >= count)
            {
                _left -= count;
                return;
            }
            turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue((turn, count));
        }

        using var registration = cancellationToken.UnsafeRegister(
            static (turn, token) => ((TaskCompletionSource)turn!).TrySetCanceled(token), turn);
        await turn.Task.ConfigureAwait(false);
    }

    /// <summary>Takes them if they are left.</summary>
    /// <param name="count">How many bytes.</param>
    public bool TryTake(int count)
    {
        lock (_lock)
        {
            if (_waiting.Count > 0 || _left < count) return false;
            _left -= count;
            return true;
        }
    }

    /// <summary>So many bytes have arrived.</summary>
    /// <param name="count">How many bytes.</param>
    /// <param name="newTotal">How many may be on their way at once from now on, where that changes.</param>
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
                if (first.Turn.TrySetResult()) _left -= first.Count;
            }
        }
    }
}
