using System.Runtime.CompilerServices;

namespace BorgStore.Backends.Files;

/// <summary>Lets operations in while a store is open, and waits at its end for those that are still inside.</summary>
internal sealed class OpenGate
{
    private const int ClosedFlag = 1;
    private const int One = 2;

    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Twice the number of those inside, and the flag.
    private int _state = ClosedFlag;
    private int _closings;

    public bool IsOpen => (Volatile.Read(ref _state) & ClosedFlag) == 0;

    public void Open()
    {
        if (IsOpen) throw new StoreException(StoreError.StoreIsOpen, "The store is open already.");
        if (Volatile.Read(ref _closings) > 0) throw NotOpen();
        Interlocked.And(ref _state, ~ClosedFlag);
    }

    /// <summary>Goes in, until what is returned is disposed.</summary>
    public Visit Enter(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if ((Interlocked.Add(ref _state, One) & ClosedFlag) == 0) return new Visit(this);
        Leave();
        throw NotOpen();
    }

    /// <summary>Goes in for each step of a listing. Nothing is held while the caller looks at an item: it may close the store then.</summary>
    /// <param name="items">The listing.</param>
    /// <param name="cancellationToken">A token to cancel the listing.</param>
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

    /// <summary>Closes, and waits until nobody is inside any more.</summary>
    /// <returns>Whether it was open before.</returns>
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

    private static StoreException NotOpen()
        => new(StoreError.StoreNotOpen, "The store is not open: it was not opened, or is closed by now.");

    internal readonly struct Visit(OpenGate gate) : IDisposable
    {
        public void Dispose() => gate.Leave();
    }
}
