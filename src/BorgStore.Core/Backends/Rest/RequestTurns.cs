namespace BorgStore.Backends.Rest;

/// <summary>Lets requests through one at a time, where a server can't take more.</summary>
/// <remarks>The servers of the Python package before 0.6.2 open and close one backend that all requests share. Of those that come at once
/// some are answered 412, before they were executed or after it.</remarks>
internal sealed class RequestTurns : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private volatile bool _areNeeded;

    /// <summary>Whether requests have to wait for each other; once they do, that stays.</summary>
    public bool AreNeeded => _areNeeded;

    /// <summary>Lets requests through one at a time from now on.</summary>
    public void Begin() => _areNeeded = true;

    /// <summary>Prepares a request. It has its turn when it asks for it, and until it is disposed.</summary>
    public Turn Prepare() => new(this);

    public void Dispose() => _gate.Dispose();

    /// <summary>The turn of one request.</summary>
    internal sealed class Turn(RequestTurns turns) : IDisposable
    {
        private bool _isTaken;

        /// <summary>Waits for the turn, where there are any. A second call returns at once.</summary>
        public async ValueTask TakeAsync(CancellationToken cancellationToken)
        {
            if (_isTaken || !turns.AreNeeded) return;
            await turns._gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            _isTaken = true;
        }

        public void Dispose()
        {
            if (_isTaken) turns._gate.Release();
            _isTaken = false;
        }
    }
}
