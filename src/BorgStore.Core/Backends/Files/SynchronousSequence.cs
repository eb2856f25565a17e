namespace BorgStore.Backends.Files;

/// <summary>A synchronous sequence as an asynchronous one.</summary>
/// <param name="items">The items.</param>
/// <param name="gate">The gate that each step passes, so that closing waits for it.</param>
/// <param name="cancellationToken">A token to cancel the sequence between two items.</param>
internal sealed class SynchronousSequence<T>(IEnumerable<T> items, OperationGate gate, CancellationToken cancellationToken)
    : IAsyncEnumerable<T>
{
    public IAsyncEnumerator<T> GetAsyncEnumerator(CancellationToken enumeratorToken = default)
        => new Enumerator(items.GetEnumerator(), gate, cancellationToken, enumeratorToken);

    private sealed class Enumerator(IEnumerator<T> items, OperationGate gate, CancellationToken first, CancellationToken second)
        : IAsyncEnumerator<T>
    {
        public T Current => items.Current;

        public ValueTask<bool> MoveNextAsync()
        {
            try
            {
                second.ThrowIfCancellationRequested();
                using var operation = gate.Enter(first);
                return ValueTask.FromResult(items.MoveNext());
            }
            catch (Exception e)
            {
                return ValueTask.FromException<bool>(e);
            }
        }

        public ValueTask DisposeAsync()
        {
            items.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
