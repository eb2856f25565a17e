using System.Collections;
using System.Runtime.InteropServices;

namespace BorgStore.Caching.Access;

/// <summary>An index of the cached items of a namespace with their sizes and last accesses, in the order of access.</summary>
/// <remarks>
/// <para>The cost of each call does not depend on the number of items. An item takes 36 bytes, 4 to 8 bytes of a hash
/// table, and its <see cref="CompactName"/> with a length byte: about 75 bytes if keys are hashes of 32 bytes.</para>
/// <para>All times are in milliseconds of one clock. The items to evict for their age
/// are also the least recently used ones, so one order serves both limits.</para>
/// </remarks>
internal sealed class AccessIndex
{
    private const int None = -1;

    // In the table but not in the order yet.
    private const int Unordered = -2;

    private readonly object _lock = new();
    private readonly NameArena _names = new();
    private int[] _buckets = NewBuckets(64);
    private Entry[] _entries = new Entry[64];
    private int _used;
    private int _firstFree = None;
    private int _newest = None;
    private int _oldest = None;
    private BitArray? _seen;
    private HashSet<int>? _gone;

    /// <summary>The total size of all items [bytes].</summary>
    public long TotalSize { get; private set; }

    /// <summary>The number of items.</summary>
    public int Count { get; private set; }

    /// <summary>Records an access to an item.</summary>
    public AccessState Touch(string path, long now, long? maxAge)
    {
        Span<byte> name = stackalloc byte[CompactName.MaxLength];
        name = name[..CompactName.Encode(path, name)];
        lock (_lock)
        {
            var at = Find(name, HashOf(name));
            if (at < 0) return AccessState.Unknown;
            ref var entry = ref _entries[at];
            if (now - entry.Time > maxAge) return AccessState.Expired;
            Unlink(at);
            LinkAsNewest(at);
            entry.Time = now;
            return AccessState.Current;
        }
    }

    /// <summary>Adds an item that was put into the cache or found there, and is accessed now.</summary>
    public void Add(string path, long size, long now) => Add(path, size, now, isListed: false);

    /// <summary>Adds an item that was in the cache before. <see cref="OrderListed"/> puts it into the order.</summary>
    public void AddListed(string path, long size, long time) => Add(path, size, time, isListed: true);

    /// <summary>Starts a comparison with a new listing, whose items are added by <see cref="AddListed"/>.</summary>
    public void BeginRelisting()
    {
        lock (_lock) (_seen, _gone) = (new(_entries.Length), []);
    }

    /// <summary>Removes the items that were not in the listing.</summary>
    /// <param name="since">When the listing started. Items accessed since then are kept, because it may have missed them.</param>
    public void EndRelisting(long since)
    {
        lock (_lock)
        {
            for (var at = 0; at < _used; at++)
                if (_entries[at].Name != 0 && _entries[at].Time < since && !(at < _seen!.Length && _seen[at]))
                    Remove(at);
        }
    }

    /// <summary>Removes an item.</summary>
    /// <returns>Its size, or <see langword="null"/> if it was not known.</returns>
    public long? Remove(string path)
    {
        Span<byte> name = stackalloc byte[CompactName.MaxLength];
        name = name[..CompactName.Encode(path, name)];
        lock (_lock)
        {
            var at = Find(name, HashOf(name));
            if (at < 0) return null;
            var size = _entries[at].Size;
            Remove(at);
            return size;
        }
    }

    /// <summary>Removes the least recently used item if it is too old or the total size is too large.</summary>
    /// <returns>The item, or <see langword="null"/> if no limit is exceeded.</returns>
    public (string Path, long Size, long Time)? TakeOldest(long? maxSize, long expiredBefore)
    {
        lock (_lock)
        {
            if (_oldest == None) return null;
            ref var entry = ref _entries[_oldest];
            if (entry.Time >= expiredBefore && TotalSize <= (maxSize ?? long.MaxValue)) return null;
            var taken = (CompactName.Decode(_names[entry.Name]), entry.Size, entry.Time);
            Remove(_oldest);
            return taken;
        }
    }

    /// <summary>Adds an item again that <see cref="TakeOldest"/> removed, unless it was accessed meanwhile.</summary>
    public void PutBack(string path, long size, long time)
    {
        Span<byte> name = stackalloc byte[CompactName.MaxLength];
        name = name[..CompactName.Encode(path, name)];
        lock (_lock)
        {
            if (!name.IsEmpty && Find(name, HashOf(name)) < 0) LinkAsOldest(Insert(name, size, time));
        }
    }

    /// <summary>Puts the listed items into the order by their times.</summary>
    /// <param name="amongOthers">Whether other items may be older; otherwise all others are newer.</param>
    public void OrderListed(bool amongOthers = false)
    {
        List<(long Time, int At)> listed = [];
        lock (_lock)
        {
            // Also necessary after a listing failed and was not compared.
            (_seen, _gone) = (null, null);
            for (var at = 0; at < _used; at++)
                if (_entries[at] is { Name: not 0, Older: Unordered })
                    listed.Add((_entries[at].Time, at));
        }
        // Sorting takes long, so it is done without the lock.
        listed.Sort(static (a, b) => b.Time.CompareTo(a.Time));
        foreach (var part in listed.Chunk(1000))
        {
            lock (_lock)
            {
                // Only listing leaves items unordered, so an index that is still unordered holds the same item as before.
                var newer = None;
                foreach (var (_, at) in part)
                {
                    if (_entries[at] is not { Name: not 0, Older: Unordered }) continue;
                    if (amongOthers) LinkBehind(newer, at);
                    else LinkAsOldest(at);
                    newer = at;
                }
            }
        }
    }

    /// <summary>Passes the items accessed since a time to a callback, newest first.</summary>
    /// <param name="since">The time; 0 for all.</param>
    /// <param name="tell">Called with the path and time of each item.</param>
    public void ForEachSince(long since, Action<string, long> tell)
    {
        lock (_lock)
        {
            for (var at = _newest; at != None && _entries[at].Time >= since; at = _entries[at].Older)
                tell(CompactName.Decode(_names[_entries[at].Name]), _entries[at].Time);
        }
    }

    private void Add(string path, long size, long time, bool isListed)
    {
        Span<byte> name = stackalloc byte[CompactName.MaxLength];
        name = name[..CompactName.Encode(path, name)];
        if (name.IsEmpty) return;
        lock (_lock)
        {
            var hash = HashOf(name);
            var at = Find(name, hash);
            // The listing may have seen the item before it was removed. If another item has the same hash, the next listing will add it.
            if (at < 0 && isListed && _gone?.Contains(hash) == true) return;
            if (isListed && _seen is { } seen)
            {
                // A new item will get this index.
                var place = at >= 0 ? at : _firstFree != None ? _firstFree : _used;
                if (place >= seen.Length) seen.Length = Math.Max(place + 1, 2 * seen.Length);
                seen[place] = true;
            }
            // An item accessed meanwhile is known more accurately than the listing knows it.
            if (at >= 0 && isListed) return;
            if (at < 0)
            {
                at = Insert(name, size, time);
            }
            else
            {
                TotalSize += size - _entries[at].Size;
                Unlink(at);
            }
            (_entries[at].Size, _entries[at].Time) = (size, time);
            if (isListed) (_entries[at].Newer, _entries[at].Older) = (Unordered, Unordered);
            else LinkAsNewest(at);
        }
    }

    private int Find(ReadOnlySpan<byte> name, int hash)
    {
        for (var at = _buckets[hash & (_buckets.Length - 1)]; at != None; at = _entries[at].Next)
            if (_entries[at].Hash == hash && _names[_entries[at].Name].SequenceEqual(name))
                return at;
        return None;
    }

    private int Insert(ReadOnlySpan<byte> name, long size, long time)
    {
        if (Count == _buckets.Length) Grow();
        var at = _firstFree;
        if (at != None) _firstFree = _entries[at].Next;
        else at = _used++;

        var hash = HashOf(name);
        ref var bucket = ref _buckets[hash & (_buckets.Length - 1)];
        _entries[at] = new() { Name = _names.Add(name), Hash = hash, Size = size, Time = time, Next = bucket, Newer = None, Older = None };
        bucket = at;
        Count++;
        TotalSize += size;
        return at;
    }

    private void Remove(int at)
    {
        Unlink(at);
        ref var entry = ref _entries[at];
        ref var link = ref _buckets[entry.Hash & (_buckets.Length - 1)];
        while (link != at) link = ref _entries[link].Next;
        link = entry.Next;
        _names.Free(entry.Name);
        Count--;
        TotalSize -= entry.Size;
        _gone?.Add(entry.Hash);
        entry = new() { Next = _firstFree };
        _firstFree = at;
    }

    private void LinkAsNewest(int at)
    {
        (_entries[at].Newer, _entries[at].Older) = (None, _newest);
        if (_newest != None) _entries[_newest].Newer = at;
        else _oldest = at;
        _newest = at;
    }

    private void LinkAsOldest(int at)
    {
        (_entries[at].Newer, _entries[at].Older) = (_oldest, None);
        if (_oldest != None) _entries[_oldest].Older = at;
        else _newest = at;
        _oldest = at;
    }

    // The search starts at an item that is not older, because the items arrive in the order of their times.
    private void LinkBehind(int newer, int at)
    {
        var time = _entries[at].Time;
        var older = newer == None ? _newest : _entries[newer].Older;
        while (older != None && _entries[older].Time > time) (newer, older) = (older, _entries[older].Older);
        (_entries[at].Newer, _entries[at].Older) = (newer, older);
        if (newer != None) _entries[newer].Older = at;
        else _newest = at;
        if (older != None) _entries[older].Newer = at;
        else _oldest = at;
    }

    private void Unlink(int at)
    {
        var (newer, older) = (_entries[at].Newer, _entries[at].Older);
        if (older == Unordered) return;
        if (newer != None) _entries[newer].Older = older;
        else _newest = older;
        if (older != None) _entries[older].Newer = newer;
        else _oldest = newer;
    }

    private void Grow()
    {
        Array.Resize(ref _entries, 2 * _entries.Length);
        _buckets = NewBuckets(_entries.Length);
        for (var at = 0; at < _used; at++)
        {
            if (_entries[at].Name == 0) continue;
            ref var bucket = ref _buckets[_entries[at].Hash & (_buckets.Length - 1)];
            _entries[at].Next = bucket;
            bucket = at;
        }
    }

    private static int HashOf(ReadOnlySpan<byte> name)
    {
        var hash = default(HashCode);
        hash.AddBytes(name);
        return hash.ToHashCode();
    }

    private static int[] NewBuckets(int count)
    {
        var buckets = new int[count];
        Array.Fill(buckets, None);
        return buckets;
    }

    // A free entry has no name, and its Next is the next free one.
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private struct Entry
    {
        public long Size;
        public long Time;
        public uint Name;
        public int Hash;
        public int Next;
        public int Newer;
        public int Older;
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
