using System.Runtime.CompilerServices;

namespace BorgStore;

/// <summary>Admits operations while a store is open, and lets closing wait for those
/// in flight. It is not a lock: it admits any number of operations at once.</summary>
/// <param name="displayUrl">The store's URL for error messages, if the gate knows it.</param>
internal sealed class OperationGate(string? displayUrl = null)
{
    private const int ClosedFlag = 1;
    private const int One = 2;

    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The closed flag in the lowest bit, the number of operations in flight above it.
    private int _state = ClosedFlag;
    private int _closings;

    /// <summary>Whether operations are admitted.</summary>
    public bool IsOpen => (Volatile.Read(ref _state) & ClosedFlag) == 0;

    /// <summary>Admits operations from now on.</summary>
    /// <exception cref="StoreException"><see cref="StoreError.StoreIsOpen"/>, or <see cref="StoreError.StoreNotOpen"/> after
    /// <see cref="CloseAsync"/>: a gate opens once.</exception>
    public void Open()
    {
        CheckNotOpen();
        if (Volatile.Read(ref _closings) > 0) throw NotOpen();
        Interlocked.And(ref _state, ~ClosedFlag);
    }

    /// <summary>Throws <see cref="StoreError.StoreIsOpen"/> if operations are admitted.</summary>
    public void CheckNotOpen()
    {
        if (IsOpen) throw new StoreException(StoreError.StoreIsOpen, "The store is already open; close it first.");
    }

    /// <summary>Begins an operation, which ends when the result is disposed.</summary>
    /// <param name="cancellationToken">A token to cancel the operation before it begins.</param>
    /// <exception cref="StoreException"><see cref="StoreError.StoreNotOpen"/>.</exception>
    public Lease Enter(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if ((Interlocked.Add(ref _state, One) & ClosedFlag) == 0) return new Lease(this);
        Leave();
        throw NotOpen();
    }

    /// <summary>Makes each step of a listing an operation. Between two items no
    /// operation is held, so that the caller may close the store then.</summary>
    /// <param name="items">The listing.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<T> EnterEachAsync<T>(IAsyncEnumerable<T> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var enumerator = items.GetAsyncEnumerator(cancellationToken);
        await using (enumerator.ConfigureAwait(false))
        {
            while (true)
            {
                using (Enter(cancellationToken))
                    if (!await enumerator.MoveNextAsync().ConfigureAwait(false)) yield break;
                yield return enumerator.Current;
            }
        }
    }

    /// <summary>Refuses operations from now on and waits for those in flight.</summary>
    /// <returns>Whether operations were admitted before.</returns>
    public async ValueTask<bool> CloseAsync()
    {
        Interlocked.Increment(ref _closings);
        var before = Interlocked.Or(ref _state, ClosedFlag);
        if ((before & ~ClosedFlag) != 0) await _drained.Task.ConfigureAwait(false);
        return (before & ClosedFlag) == 0;
    }

    private void Leave()
    {
        if (Interlocked.Add(ref _state, -One) == ClosedFlag && Volatile.Read(ref _closings) > 0) _drained.TrySetResult();
    }

    private StoreException NotOpen()
        => new(StoreError.StoreNotOpen, $"The store {(displayUrl is null ? "" : $"'{displayUrl}' ")}is not open: it was never opened, or it has been closed.", displayUrl);

    /// <summary>An operation in flight.</summary>
    internal readonly struct Lease(OperationGate gate) : IDisposable
    {
        /// <summary>Ends the operation.</summary>
        public void Dispose() => gate.Leave();
    }
}
