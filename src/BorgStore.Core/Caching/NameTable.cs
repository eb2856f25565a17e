namespace BorgStore.Caching;

/// <summary>The names that are currently being changed or loaded into the cache.</summary>
/// <remarks>Changes of the same name are serialised, so that storage and cache see them in the same order. While
/// a name is changed, nothing is loaded into the cache under it. Different names are independent.</remarks>
internal sealed class NameTable
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private long _completedFills;

    /// <summary>The number of values loaded into the cache so far.</summary>
    public long CompletedFills => Interlocked.Read(ref _completedFills);

    /// <summary>Starts a change. Waits for earlier ones, and gives up loading a value of that name into the cache.</summary>
    /// <returns>The change, which ends when it is disposed.</returns>
    public async ValueTask<Change> BeginChangeAsync(string name, CancellationToken cancellationToken)
    {
        Entry? entry;
        lock (_entries)
        {
            if (!_entries.TryGetValue(name, out entry)) _entries.Add(name, entry = new());
            entry.Changes++;
        }
        var change = new Change(this, name, entry);
        try
        {
            await entry.Semaphore.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            Leave(name, entry);
            throw;
        }
        try
        {
            if (entry.Fill is { } fill) await fill.CancelAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            return change;
        }
        catch
        {
            change.Dispose();
            throw;
        }
    }

    /// <summary>Starts loading a value into the cache, unless it is already being changed or loaded.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="running">The load that is already running.</param>
    public CacheFill? TryBeginFill(string name, out CacheFill? running)
    {
        running = null;
        lock (_entries)
        {
            if (_entries.TryGetValue(name, out var entry))
            {
                running = entry.Changes == 0 ? entry.Fill : null;
                return null;
            }
            var fill = new CacheFill(name);
            _entries.Add(name, new() { Fill = fill });
            return fill;
        }
    }

    /// <summary>Ends the loading of a value.</summary>
    public void EndFill(CacheFill fill, bool isCached)
    {
        if (isCached) Interlocked.Increment(ref _completedFills);
        lock (_entries)
        {
            if (_entries.TryGetValue(fill.Name, out var entry) && entry.Fill == fill)
            {
                entry.Fill = null;
                if (entry.Changes == 0) _entries.Remove(fill.Name);
            }
        }
        fill.End(isCached);
    }

    /// <summary>Gives up all values being loaded into the cache.</summary>
    public Task CancelFillsAsync()
    {
        lock (_entries) return Task.WhenAll(_entries.Values.Select(entry => entry.Fill).OfType<CacheFill>().Select(fill => fill.CancelAsync()));
    }

    private void Leave(string name, Entry entry)
    {
        lock (_entries)
        {
            if (--entry.Changes == 0 && entry.Fill is null) _entries.Remove(name);
        }
    }

    /// <summary>A change in progress.</summary>
    public readonly struct Change(NameTable table, string name, Entry entry) : IDisposable
    {
        /// <summary>Lets the next change start.</summary>
        public void Dispose()
        {
            entry.Semaphore.Release();
            table.Leave(name, entry);
        }
    }

    /// <summary>A name that is being changed or loaded.</summary>
    internal sealed class Entry
    {
        public SemaphoreSlim Semaphore { get; } = new(1, 1);

        public int Changes { get; set; }

        public CacheFill? Fill { get; set; }
    }
}
