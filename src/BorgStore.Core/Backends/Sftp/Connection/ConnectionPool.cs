namespace BorgStore.Backends.Sftp.Connection;

/// <summary>The connections of a store. They are opened when they are needed, and again after they were lost.</summary>
/// <param name="connect">Opens a connection.</param>
/// <param name="size">The maximum number of connections.</param>
internal sealed class ConnectionPool(Func<CancellationToken, Task<SftpConnection>> connect, int size) : IAsyncDisposable
{
    // With fewer requests in flight, another connection would not help.
    private const int Busy = 4;

    private readonly object _lock = new();
    private readonly Task<SftpConnection>?[] _slots = new Task<SftpConnection>?[size];
    private readonly List<Task> _ending = [];
    private readonly CancellationTokenSource _closed = new();

    /// <summary>Whether a connection was ever established.</summary>
    public bool HasConnected { get; private set; }

    /// <summary>Gets the least busy connection.</summary>
    /// <param name="cancellationToken">A token to cancel the wait for a new connection; its opening continues.</param>
    public ValueTask<SftpConnection> GetAsync(CancellationToken cancellationToken)
    {
        Task<SftpConnection> beingMade;
        lock (_lock)
        {
            var (best, pending, vacant) = Choose();
            if (best is not null)
            {
                if (vacant >= 0 && best.Waiting >= Busy) Connect(vacant);
                return new(best);
            }
            beingMade = pending ?? Connect(vacant);
        }
        return new(beingMade.WaitAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync().ConfigureAwait(false);
        Task[] ending;
        lock (_lock) ending = [.. _ending, .. _slots.OfType<Task<SftpConnection>>().Select(EndAsync)];
        await Task.WhenAll(ending).ConfigureAwait(false);
        _closed.Dispose();
    }

    private static async Task EndAsync(Task<SftpConnection> connecting)
    {
        try
        {
            await (await connecting.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreException or OperationCanceledException)
        {
            // It was never established, which its callers know.
        }
    }

    private (SftpConnection? Best, Task<SftpConnection>? Pending, int Vacant) Choose()
    {
        SftpConnection? best = null;
        Task<SftpConnection>? pending = null;
        var vacant = -1;
        for (var i = _slots.Length - 1; i >= 0; i--)
        {
            var slot = _slots[i];
            // Asked once, because a connection may be established, or fail, at any moment.
            if (slot is { IsCompleted: false })
            {
                pending = slot;
            }
            else if (slot is { IsCompletedSuccessfully: true } && slot.Result is { Failure: null } connection)
            {
                if (best is null || connection.Waiting < best.Waiting) best = connection;
            }
            else
            {
                vacant = i;
            }
        }
        return (best, pending, vacant);
    }

    private Task<SftpConnection> Connect(int slot)
    {
        if (_slots[slot] is { } lost)
        {
            _ending.RemoveAll(t => t.IsCompleted);
            _ending.Add(EndAsync(lost));
        }
        return _slots[slot] = Task.Run(async () =>
        {
            var connection = await connect(_closed.Token).ConfigureAwait(false);
            HasConnected = true;
            return connection;
        });
    }
}
