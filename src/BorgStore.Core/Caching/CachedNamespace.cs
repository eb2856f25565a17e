using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Caching.Access;
using BorgStore.Layout;

namespace BorgStore.Caching;

/// <summary>A cached namespace: its policy, the index of cached items, and the enforcement of limits.</summary>
/// <param name="name">The name of the namespace.</param>
/// <param name="policy">The policy.</param>
/// <param name="cache">The cache.</param>
/// <param name="time">The clock.</param>
/// <param name="relistingDue">Called when <see cref="NeedsRelisting"/>.</param>
internal sealed class CachedNamespace(string name, CachePolicy policy, CacheStorage cache, TimeProvider time, Action relistingDue)
{
    private const int MaxTooLargeNames = 1000;

    // The additions of other processes are taken into account after a part of the size was added here.
    private const int RelistingDivisor = 4;

    private readonly string _prefix = name.Length == 0 ? "" : name + "/";
    private readonly long? _maxAge = policy.MaxAge is { } age ? (long)age.TotalMilliseconds : null;
    private readonly ConcurrentDictionary<string, bool> _tooLarge = new(StringComparer.Ordinal);
    private long _added;
    private long _addedBytes;

    public string Name => name;

    public CachePolicy Policy => policy;

    /// <summary>The index of cached items and their accesses; <see langword="null"/> if there are no limits.</summary>
    public AccessIndex? Index { get; } = policy.IsLimited ? new() : null;

    /// <summary>Whether <see cref="Index"/> contains everything that was cached before, in order.</summary>
    public bool IsListed { get; private set; }

    /// <summary>Whether anything was put into the cache.</summary>
    public bool HasAdded => Interlocked.Read(ref _added) > 0;

    /// <summary>Whether so much was added since the last listing that other processes may have added too much as well.</summary>
    public bool NeedsRelisting => IsListed && Interlocked.Read(ref _addedBytes) > policy.Size / RelistingDivisor;

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Returns whether a value of this size may be cached.</summary>
    public bool CanHold(long size) => size <= (policy.Size ?? long.MaxValue);

    /// <summary>Returns whether the item was found to be too large for the cache.</summary>
    public bool IsKnownTooLarge(string item) => _tooLarge.ContainsKey(item);

    /// <summary>Remembers that an item is too large for the cache, so that a request for a part of it does not load all of it.</summary>
    public void RememberTooLarge(string item)
    {
        if (_tooLarge.Count >= MaxTooLargeNames) _tooLarge.Clear();
        _tooLarge[item] = true;
    }

    /// <summary>Forgets that an item was too large, because it is changing.</summary>
    public void ForgetTooLarge(string item) => _tooLarge.TryRemove(item, out _);

    /// <summary>Opens a cached value if it exists and is not too old, and records the access.</summary>
    public async ValueTask<ValueStream?> LoadAsync(string item, ByteRange range, CancellationToken cancellationToken)
    {
        var state = Index?.Touch(PathOf(item), Now, _maxAge);
        if (state == AccessState.Expired)
        {
            await RemoveAsync(item).ConfigureAwait(false);
            return null;
        }
        var stream = await cache.LoadAsync(item, range, cancellationToken).ConfigureAwait(false);
        if (stream is null)
        {
            if (state == AccessState.Current) Index!.Remove(PathOf(item));
            return null;
        }
        if (state != AccessState.Unknown || await TryAddUnlistedAsync(item, cancellationToken).ConfigureAwait(false)) return stream;
        await stream.DisposeAsync().ConfigureAwait(false);
        await RemoveAsync(item).ConfigureAwait(false);
        return null;
    }

    /// <summary>Puts a value into the cache and makes room for it.</summary>
    /// <returns>Whether it was stored.</returns>
    public async ValueTask<bool> StoreAsync(string item, StoreValue value, Func<bool>? wasCanceled, CancellationToken cancellationToken)
    {
        if (!await cache.StoreAsync(item, value, wasCanceled, cancellationToken).ConfigureAwait(false)) return false;
        Add(item, value.Length);
        if (NeedsRelisting) relistingDue();
        await EvictAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Records that an item is cached now.</summary>
    public void Add(string item, long size)
    {
        Index?.Add(PathOf(item), size, Now);
        Interlocked.Increment(ref _added);
        Interlocked.Add(ref _addedBytes, size);
    }

    /// <summary>Records that an item is no longer cached.</summary>
    /// <returns>Its size, if it was known.</returns>
    public long? Forget(string item) => Index?.Remove(PathOf(item));

    /// <summary>Removes an item from the cache.</summary>
    /// <returns>Whether it no longer exists.</returns>
    public async ValueTask<bool> RemoveAsync(string item)
    {
        Forget(item);
        return await cache.DeleteAsync(item).ConfigureAwait(false);
    }

    /// <summary>Evicts items that are too old, and then the least recently used ones until the rest fits.</summary>
    /// <remarks>Every addition makes room, so the namespace exceeds its size by at most what is being
    /// added. The order is unknown until everything is listed; before that, nothing is evicted.</remarks>
    public async ValueTask EvictAsync()
    {
        if (Index is null || !IsListed) return;
        var expired = _maxAge is { } age ? Now - age : long.MinValue;
        while (cache.IsUsable && Index.TakeOldest(policy.Size, expired) is var (path, size, accessed))
        {
            if (await cache.DeleteAsync(_prefix + path).ConfigureAwait(false)) continue;
            Index.PutBack(path, size, accessed);
            return;
        }
    }

    /// <summary>Adds what was cached before to the index.</summary>
    /// <param name="journal">The access times [s] by the hash of the name; for missing ones the times of the storage are used.</param>
    /// <param name="isOwn">Whether an item belongs to this namespace rather than to one inside it.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task ListAsync(Dictionary<ulong, uint> journal, Func<CachedNamespace, string, bool> isOwn, CancellationToken cancellationToken)
    {
        if (Index is null) return;
        await AddListedAsync(journal, isOwn, cancellationToken).ConfigureAwait(false);
        Index.OrderListed();
        IsListed = true;
        await EvictAsync().ConfigureAwait(false);
    }

    /// <summary>Updates the index with what other processes added and removed.</summary>
    /// <param name="isOwn">Whether an item belongs to this namespace rather than to one inside it.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task RelistAsync(Func<CachedNamespace, string, bool> isOwn, CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref _addedBytes, 0);
        var since = Now;
        Index!.BeginRelisting();
        try
        {
            await AddListedAsync([], isOwn, cancellationToken).ConfigureAwait(false);
            Index.EndRelisting(since);
        }
        finally
        {
            Index.OrderListed(amongOthers: true);
        }
        await EvictAsync().ConfigureAwait(false);
    }

    /// <summary>Collects the access times [s] by the hash of the item's name.</summary>
    /// <param name="since">The time [ms]; 0 for all.</param>
    /// <param name="records">The list to add to.</param>
    public void CollectSince(long since, List<(ulong Hash, uint Time)> records)
        => Index?.ForEachSince(since, (path, accessed) => records.Add((AccessJournal.HashOf(_prefix, path), (uint)(accessed / 1000))));

    private async Task AddListedAsync(
        Dictionary<ulong, uint> journal, Func<CachedNamespace, string, bool> isOwn, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var info in cache.Backend.ListAsync(name, ListScope.Tree, cancellationToken).ConfigureAwait(false))
            {
                if (!isOwn(this, _prefix + info.Name)) continue;
                var accessed = journal.TryGetValue(AccessJournal.HashOf(_prefix, info.Name), out var seconds)
                    ? seconds * 1000L
                    : TimeOf(info);
                // Another clock may be ahead, and an item from the future would never be old enough to be evicted.
                Index!.AddListed(info.Name, info.Size, Math.Min(accessed, Now));
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing was ever cached.
        }
    }

    private string PathOf(string item) => item[_prefix.Length..];

    // Another process added the item, or it was not listed yet.
    private async ValueTask<bool> TryAddUnlistedAsync(string item, CancellationToken cancellationToken)
    {
        if (await cache.FindAsync(item, cancellationToken).ConfigureAwait(false) is not { } info) return true;
        if (Now - TimeOf(info) > _maxAge) return false;
        Index?.Add(PathOf(item), info.Size, Now);
        return true;
    }

    // The access time alone is not reliable, because many file systems do not update it.
    private long TimeOf(ItemInfo info)
    {
        var accessed = info.LastAccessTime ?? DateTime.MinValue;
        var written = info.LastWriteTime ?? DateTime.MinValue;
        var latest = accessed > written ? accessed : written;
        return latest == DateTime.MinValue ? Now : new DateTimeOffset(latest, TimeSpan.Zero).ToUnixTimeMilliseconds();
    }
}
