namespace BorgStore;

/// <summary>Counts the operations in flight, so that closing can wait for them and refuse new ones. Not a lock: any number may pass.</summary>
internal sealed class OperationGate
{
    // Bit 0 says closed; the operations in flight are counted above it.
    private const long Closed = 1;
    private const long OneOperation = 2;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _state;

    /// <summary>Begins an operation.</summary>
    /// <param name="shownUrl">The store, for the message of the error.</param>
    /// <returns>What ends the operation when it is disposed.</returns>
    public Pass Enter(string shownUrl)
    {
        if ((Interlocked.Add(ref _state, OneOperation) & Closed) == 0) return new(this);
        Leave();
        throw new StoreException(StoreError.StoreNotOpen, $"The store '{shownUrl}' is closed. Open it again to use it.", shownUrl);
    }

    /// <summary>Refuses operations from now on.</summary>
    /// <returns>Whether it was open, and a task that ends when no operation is in flight any more.</returns>
    public (bool WasOpen, Task Idle) Close()
    {
        var before = Interlocked.Or(ref _state, Closed);
        if (before == 0) _idle.TrySetResult();
        return ((before & Closed) == 0, _idle.Task);
    }

    private void Leave()
    {
        if (Interlocked.Add(ref _state, -OneOperation) == Closed) _idle.TrySetResult();
    }

    /// <summary>One operation in flight.</summary>
    public readonly struct Pass(OperationGate gate) : IDisposable
    {
        /// <summary>Ends it.</summary>
        public void Dispose() => gate.Leave();
    }
}
