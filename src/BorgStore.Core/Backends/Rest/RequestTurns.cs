namespace BorgStore.Backends.Rest;

/// <summary>Serialises requests to servers that cannot handle concurrent ones.</summary>
/// <remarks>Servers of the Python package before 0.6.2 open and close a single backend for all requests.
/// Some concurrent requests are answered with 412, before or after they were executed.</remarks>
internal sealed class RequestTurns : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private volatile bool _areNeeded;

    /// <summary>Whether requests must wait for each other; once true, it stays true.</summary>
    public bool AreNeeded => _areNeeded;

    /// <summary>Serialises requests from now on.</summary>
    public void Begin() => _areNeeded = true;

    /// <summary>Prepares a request. Its turn lasts from <see cref="Turn.TakeAsync"/> until it is disposed.</summary>
    public Turn Prepare() => new(this);

    public void Dispose() => _gate.Dispose();

    /// <summary>The turn of one request.</summary>
    internal sealed class Turn(RequestTurns turns) : IDisposable
    {
        private bool _isTaken;

        /// <summary>Waits for the turn if requests are serialised. Further calls return immediately.</summary>
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
