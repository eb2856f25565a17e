namespace BorgStore.Caching.Access;

/// <summary>An index of the cached items of a namespace with their sizes and last accesses, in the order of access.</summary>
/// <remarks>
/// <para>The cost of each call does not depend on the number of items. An item takes about 250 bytes.</para>
/// <para>All times are in milliseconds of one clock. The items to evict for their age
/// are also the least recently used ones, so one order serves both limits.</para>
/// </remarks>
internal sealed class AccessIndex
{
    private readonly object _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private Entry? _newest;
    private Entry? _oldest;
    private HashSet<string>? _gone;
    private int _listing;

    /// <summary>The total size of all items [bytes].</summary>
    public long TotalSize { get; private set; }

    /// <summary>The number of items.</summary>
    public int Count => _entries.Count;

    /// <summary>Records an access to an item.</summary>
    public AccessState Touch(string path, long now, long? maxAge)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(path, out var entry)) return AccessState.Unknown;
            if (now - entry.Time > maxAge) return AccessState.Expired;
            Unlink(entry);
            LinkAsNewest(entry);
            entry.Time = now;
            return AccessState.Current;
        }
    }

    /// <summary>Adds an item that was put into the cache or found there, and is accessed now.</summary>
    public void Add(string path, long size, long now)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(path, out var entry)) Unlink(entry);
            else entry = Insert(path);
            TotalSize += size - entry.Size;
            (entry.Size, entry.Time) = (size, now);
            LinkAsNewest(entry);
        }
    }

    /// <summary>Adds an item that was in the cache before. <see cref="OrderListed"/> puts it into the order.</summary>
    public void AddListed(string path, long size, long time)
    {
        lock (_lock)
        {
            // An item accessed meanwhile is known more accurately than the listing knows it.
            if (!_entries.TryGetValue(path, out var entry))
            {
                // The listing may have seen the item before it was removed.
                if (_gone?.Contains(path) == true) return;
                entry = Insert(path);
                (entry.Size, entry.Time) = (size, time);
                TotalSize += size;
            }
            entry.Listing = _listing;
        }
    }

    /// <summary>Starts a comparison with a new listing, whose items are added by <see cref="AddListed"/>.</summary>
    public void BeginRelisting()
    {
        lock (_lock) (_listing, _gone) = (_listing + 1, new(StringComparer.Ordinal));
    }

    /// <summary>Removes the items that were not in the listing.</summary>
    /// <param name="since">When the listing started. Items accessed since then are kept, because it may have missed them.</param>
    public void EndRelisting(long since)
    {
        lock (_lock)
        {
            foreach (var entry in _entries.Values)
                if (entry.Listing != _listing && entry.Time < since)
                    Remove(entry);
        }
    }

    /// <summary>Removes an item.</summary>
    /// <returns>Its size, or <see langword="null"/> if it was not known.</returns>
    public long? Remove(string path)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(path, out var entry)) return null;
            Remove(entry);
            return entry.Size;
        }
    }

    /// <summary>Removes the least recently used item if it is too old or the total size is too large.</summary>
    /// <returns>The item, or <see langword="null"/> if no limit is exceeded.</returns>
    public (string Path, long Size, long Time)? TakeOldest(long? maxSize, long expiredBefore)
    {
        lock (_lock)
        {
            if (_oldest is not { } entry || (entry.Time >= expiredBefore && TotalSize <= (maxSize ?? long.MaxValue))) return null;
            Remove(entry);
            return (entry.Path, entry.Size, entry.Time);
        }
    }

    /// <summary>Adds an item again that <see cref="TakeOldest"/> removed, unless it was accessed meanwhile.</summary>
    public void PutBack(string path, long size, long time)
    {
        lock (_lock)
        {
            if (_entries.ContainsKey(path)) return;
            var entry = Insert(path);
            (entry.Size, entry.Time) = (size, time);
            TotalSize += size;
            LinkBetween(_oldest, entry, null);
        }
    }

    /// <summary>Puts the listed items into the order by their times.</summary>
    /// <param name="amongOthers">Whether other items may be older; otherwise all others are newer.</param>
    public void OrderListed(bool amongOthers = false)
    {
        List<(long Time, Entry Entry)> listed;
        lock (_lock)
        {
            // Also necessary after a listing failed and was not compared.
            _gone = null;
            listed = [.. _entries.Values.Where(entry => !entry.IsOrdered).Select(entry => (entry.Time, entry))];
        }
        // Sorting takes long, so it is done without the lock.
        listed.Sort(static (a, b) => b.Time.CompareTo(a.Time));
        foreach (var part in listed.Chunk(1000))
        {
            lock (_lock)
            {
                Entry? newer = null;
                foreach (var (_, entry) in part)
                {
                    // It may have been accessed or removed meanwhile.
                    if (entry.IsOrdered || !_entries.TryGetValue(entry.Path, out var current) || current != entry) continue;
                    if (!amongOthers)
                    {
                        LinkBetween(_oldest, entry, null);
                        continue;
                    }
                    // The search starts at an item that is not older, because the items arrive in the order of their times.
                    var older = newer is null ? _newest : newer.Older;
                    while (older is not null && older.Time > entry.Time) (newer, older) = (older, older.Older);
                    LinkBetween(newer, entry, older);
                    newer = entry;
                }
            }
        }
    }

    /// <summary>Passes the items accessed since a time to a callback, newest first.</summary>
    /// <param name="since">The time; 0 for all.</param>
    /// <param name="action">Called with the path and time of each item.</param>
    public void ForEachSince(long since, Action<string, long> action)
    {
        lock (_lock)
        {
            for (var entry = _newest; entry is not null && entry.Time >= since; entry = entry.Older) action(entry.Path, entry.Time);
        }
    }

    private Entry Insert(string path)
    {
        var entry = new Entry(path);
        _entries.Add(path, entry);
        return entry;
    }

    private void Remove(Entry entry)
    {
        Unlink(entry);
        _entries.Remove(entry.Path);
        TotalSize -= entry.Size;
        _gone?.Add(entry.Path);
    }

    private void LinkAsNewest(Entry entry) => LinkBetween(null, entry, _newest);

    private void LinkBetween(Entry? newer, Entry entry, Entry? older)
    {
        (entry.Newer, entry.Older, entry.IsOrdered) = (newer, older, true);
        if (newer is null) _newest = entry;
        else newer.Older = entry;
        if (older is null) _oldest = entry;
        else older.Newer = entry;
    }

    private void Unlink(Entry entry)
    {
        if (!entry.IsOrdered) return;
        if (entry.Newer is null) _newest = entry.Older;
        else entry.Newer.Older = entry.Older;
        if (entry.Older is null) _oldest = entry.Newer;
        else entry.Older.Newer = entry.Newer;
        (entry.Newer, entry.Older, entry.IsOrdered) = (null, null, false);
    }

    private sealed class Entry(string path)
    {
        public string Path => path;

        public long Size { get; set; }

        public long Time { get; set; }

        public Entry? Newer { get; set; }

        public Entry? Older { get; set; }

        /// <summary>Whether it is in the order. A listed item is not at first.</summary>
        public bool IsOrdered { get; set; }

        /// <summary>The number of the last listing that had it.</summary>
        public int Listing { get; set; }
    }
}

/// <summary>The state of an item in the access index.</summary>
internal enum AccessState
{
    /// <summary>The item is not in the index.</summary>
    Unknown,

    /// <summary>The item is cached and may be used.</summary>
    Current,

    /// <summary>The item is cached, but its last access was too long ago.</summary>
    Expired,
}
