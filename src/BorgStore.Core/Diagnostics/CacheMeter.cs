namespace BorgStore.Diagnostics;

/// <summary>Counts the operations of a cache; thread-safe without a lock.</summary>
internal sealed class CacheMeter
{
    private long _hits;
    private long _misses;
    private long _errors;
    private long _loadCalls;
    private long _storeCalls;
    private long _deleteCalls;
    private long _loadVolume;
    private long _storeVolume;

    /// <summary>Whether the cache is disabled.</summary>
    public bool IsDisabled { get; set; }

    public void AddHit() => Interlocked.Increment(ref _hits);

    public void AddMiss() => Interlocked.Increment(ref _misses);

    public void AddError() => Interlocked.Increment(ref _errors);

    public void AddLoad() => Interlocked.Increment(ref _loadCalls);

    public void AddLoaded(long volume) => Interlocked.Add(ref _loadVolume, volume);

    public void AddStore() => Interlocked.Increment(ref _storeCalls);

    public void AddStored(long volume) => Interlocked.Add(ref _storeVolume, volume);

    public void AddDelete() => Interlocked.Increment(ref _deleteCalls);

    /// <summary>Returns the current counts.</summary>
    public CacheStatistics Read()
        => new(Interlocked.Read(ref _hits), Interlocked.Read(ref _misses), Interlocked.Read(ref _errors), Interlocked.Read(ref _loadCalls),
            Interlocked.Read(ref _storeCalls), Interlocked.Read(ref _deleteCalls), Interlocked.Read(ref _loadVolume),
            Interlocked.Read(ref _storeVolume), IsDisabled);

    /// <summary>Resets the counts.</summary>
    public void Reset()
    {
        Interlocked.Exchange(ref _hits, 0);
        Interlocked.Exchange(ref _misses, 0);
        Interlocked.Exchange(ref _errors, 0);
        Interlocked.Exchange(ref _loadCalls, 0);
        Interlocked.Exchange(ref _storeCalls, 0);
        Interlocked.Exchange(ref _deleteCalls, 0);
        Interlocked.Exchange(ref _loadVolume, 0);
        Interlocked.Exchange(ref _storeVolume, 0);
    }
}
