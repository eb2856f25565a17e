using BorgStore.Backends;
using BorgStore.Diagnostics;

namespace BorgStore.Server.Stores;

/// <summary>The open backend that all requests share. The first request that needs it opens it.</summary>
/// <remarks>Creating and destroying need a closed store and use a backend of their own. Destroying first closes the shared backend after its
/// requests have ended. A later request finds the store gone, or a new one.</remarks>
/// <param name="create">Creates a backend for the store, without the permissions of a user: <see cref="StoreAccess"/> adds those.</param>
internal sealed class SharedBackend(Func<IBackend> create) : IAsyncDisposable
{
    private readonly SemaphoreSlim _change = new(1);
    private volatile Session? _session;
    private long _spooled;

    /// <summary>Begins a request, opening the backend if necessary.</summary>
    /// <returns>The session, which the request has to leave at its end.</returns>
    public async ValueTask<Session> EnterAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_session is { } session && session.TryEnter()) return session;
            await OpenAsync(cancellationToken);
        }
    }

    /// <summary>Whether the store is open.</summary>
    public bool IsOpen => _session is not null;

    /// <summary>Creates the store.</summary>
    /// <param name="restrict">Wraps the backend in one with the permissions of the user.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task CreateAsync(Func<IBackend, IBackend> restrict, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        await using var backend = restrict(create());
        await backend.CreateAsync(cancellationToken);
    }, cancellationToken);

    /// <summary>Destroys the store after the requests in progress.</summary>
    /// <param name="restrict">Wraps the backend in one with the permissions of the user.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public Task DestroyAsync(Func<IBackend, IBackend> restrict, CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        await CloseAsync();
        await using var backend = restrict(create());
        await backend.DestroyAsync(cancellationToken);
    }, cancellationToken);

    /// <summary>Flushes and closes the backend after the requests in progress.</summary>
    public async ValueTask DisposeAsync() => await ChangeAsync(CloseAsync, CancellationToken.None);

    /// <summary>Adds to the bytes of unfinished chunked uploads, which are not in the store yet.</summary>
    /// <returns>The bytes of all those uploads.</returns>
    public long AddSpooled(long bytes) => Interlocked.Add(ref _spooled, bytes);

    private Task OpenAsync(CancellationToken cancellationToken) => ChangeAsync(async () =>
    {
        if (_session is not null) return;
        var backend = create();
        try
        {
            await new ExplainingBackend(backend, displayUrl: null).OpenAsync(cancellationToken);
        }
        catch
        {
            await backend.DisposeAsync();
            throw;
        }
        _session = new(backend);
    }, cancellationToken);

    private async Task CloseAsync()
    {
        if (_session is not { } session) return;
        await session.CloseAsync();
        _session = null;
        await session.Backend.DisposeAsync();
    }

    private async Task ChangeAsync(Func<Task> change, CancellationToken cancellationToken)
    {
        await _change.WaitAsync(cancellationToken);
        try
        {
            await change();
        }
        finally
        {
            _change.Release();
        }
    }

    /// <summary>A backend from opening to closing.</summary>
    public sealed class Session(IBackend backend)
    {
        // Bit 0 means closed; the bits above count the requests in progress.
        private const long Closed = 1;
        private const long OneRequest = 2;
        private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _state;

        public IBackend Backend => backend;

        public bool TryEnter()
        {
            if ((Interlocked.Add(ref _state, OneRequest) & Closed) == 0) return true;
            Leave();
            return false;
        }

        public void Leave()
        {
            if (Interlocked.Add(ref _state, -OneRequest) == Closed) _idle.TrySetResult();
        }

        public Task CloseAsync()
        {
            if (Interlocked.Or(ref _state, Closed) == 0) _idle.TrySetResult();
            return _idle.Task;
        }
    }
}
