namespace BorgStore.Backends.Rest;

/// <summary>Serialises requests to servers that cannot handle concurrent ones.</summary>
/// <remarks>Servers of the Python package before 0.6.2 open and close a single backend for all requests.
/// Some concurrent requests are answered with 412, before or after they were executed.</remarks>
internal sealed class RequestLock : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private volatile bool _isEnabled;

    /// <summary>Whether requests must wait for each other; once true, it stays true.</summary>
    public bool IsEnabled => _isEnabled;

    /// <summary>Serialises requests from now on.</summary>
    public void Enable() => _isEnabled = true;

    /// <summary>Prepares a request, which holds the lock from <see cref="Lease.AcquireAsync"/> until the lease is disposed.</summary>
    public Lease CreateLease() => new(this);

    public void Dispose() => _gate.Dispose();

    /// <summary>The lock as held by one request.</summary>
    internal sealed class Lease(RequestLock owner) : IDisposable
    {
        private bool _isTaken;

        /// <summary>Waits for the lock if requests are serialised. Further calls return immediately.</summary>
        public async ValueTask AcquireAsync(CancellationToken cancellationToken)
        {
            if (_isTaken || !owner.IsEnabled) return;
            await owner._gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            _isTaken = true;
        }

        public void Dispose()
        {
            if (_isTaken) owner._gate.Release();
            _isTaken = false;
        }
    }
}
