namespace BorgStore.Backends.Rclone;

/// <summary>Locks by name.</summary>
internal sealed class NameLocks
{
    private readonly Dictionary<string, Entry> _entries = [];

    /// <summary>Waits for the lock of a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The lock, which is released when it is disposed.</returns>
    public async ValueTask<IDisposable> EnterAsync(string name, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(name, out entry)) _entries[name] = entry = new Entry(this, name);
            entry.Users++;
        }
        try
        {
            await entry.Semaphore.WaitAsync(cancellationToken).ConfigureAwait(false);
            return entry;
        }
        catch
        {
            entry.Leave();
            throw;
        }
    }

    private sealed class Entry(NameLocks locks, string name) : IDisposable
    {
        public SemaphoreSlim Semaphore { get; } = new(1, 1);

        public int Users { get; set; }

        public void Leave()
        {
            lock (locks._entries)
            {
                if (--Users > 0) return;
                locks._entries.Remove(name);
                Semaphore.Dispose();
            }
        }

        public void Dispose()
        {
            Semaphore.Release();
            Leave();
        }
    }
}
