using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Caching.Access;

namespace BorgStore.Caching;

/// <summary>A namespace as the cache holds it: its policy, what is known to be cached, and the keeping of its limits.</summary>
/// <param name="name">The name of the namespace.</param>
/// <param name="policy">How it is cached.</param>
/// <param name="cache">Where.</param>
/// <param name="time">The clock.</param>
/// <param name="relistingDue">Called when <see cref="NeedsRelisting"/>.</param>
internal sealed class CachedNamespace(string name, CachePolicy policy, CacheStorage cache, TimeProvider time, Action relistingDue)
{
    private const int MostRemembered = 1000;

    // What others add to a shared cache counts once a part of the size was added here.
    private const int RelistingDivisor = 4;

    private readonly string _prefix = name.Length == 0 ? "" : name + "/";
    private readonly long? _maxAge = policy.MaxAge is { } age ? (long)age.TotalMilliseconds : null;
    private readonly ConcurrentDictionary<string, bool> _tooLarge = new(StringComparer.Ordinal);
    private long _added;
    private long _addedBytes;

    public string Name => name;

    public CachePolicy Policy => policy;

    /// <summary>What is cached, and when it was asked for; <see langword="null"/> where there are no limits to keep.</summary>
    public AccessIndex? Index { get; } = policy.IsLimited ? new() : null;

    /// <summary>Whether <see cref="Index"/> knows everything that was cached before, in its order.</summary>
    public bool IsListed { get; private set; }

    /// <summary>Whether anything was put into the cache.</summary>
    public bool HasAdded => Interlocked.Read(ref _added) > 0;

    /// <summary>Whether so much was added since the last listing that others may have added too much as well.</summary>
    public bool NeedsRelisting => IsListed && Interlocked.Read(ref _addedBytes) > policy.Size / RelistingDivisor;

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Whether a value of this size has a place in the cache.</summary>
    public bool HasRoomFor(long size) => size <= (policy.Size ?? long.MaxValue);

    /// <summary>Whether the item was seen to be too large for the cache.</summary>
    public bool IsKnownTooLarge(string item) => _tooLarge.ContainsKey(item);

    /// <summary>Remembers that an item is too large for the cache, so that nobody begins to load all of it for the sake of a part.</summary>
    public void RememberTooLarge(string item)
    {
        if (_tooLarge.Count >= MostRemembered) _tooLarge.Clear();
        _tooLarge[item] = true;
    }

    /// <summary>Forgets that an item was too large, since it changes.</summary>
    public void ForgetTooLarge(string item) => _tooLarge.TryRemove(item, out _);

    /// <summary>Begins to load a cached value, if it is there and not too old, and notes that it is asked for.</summary>
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
        if (state != AccessState.Unknown || await AdoptAsync(item, cancellationToken).ConfigureAwait(false)) return stream;
        await stream.DisposeAsync().ConfigureAwait(false);
        await RemoveAsync(item).ConfigureAwait(false);
        return null;
    }

    /// <summary>Puts a value into the cache and makes room for it.</summary>
    /// <returns>Whether it is there.</returns>
    public async ValueTask<bool> StoreAsync(string item, StoreValue value, Func<bool>? wasGivenUp, CancellationToken cancellationToken)
    {
        if (!await cache.StoreAsync(item, value, wasGivenUp, cancellationToken).ConfigureAwait(false)) return false;
        Add(item, value.Length);
        if (NeedsRelisting) relistingDue();
        await MakeRoomAsync().ConfigureAwait(false);
        return true;
    }

    /// <summary>Notes that an item is cached now.</summary>
    public void Add(string item, long size)
    {
        Index?.Add(PathOf(item), size, Now);
        Interlocked.Increment(ref _added);
        Interlocked.Add(ref _addedBytes, size);
    }

    /// <summary>Notes that an item is not cached any more.</summary>
    /// <returns>Its size, where that was known.</returns>
    public long? Forget(string item) => Index?.Remove(PathOf(item));

    /// <summary>Removes an item from the cache.</summary>
    /// <returns>Whether it is gone.</returns>
    public async ValueTask<bool> RemoveAsync(string item)
    {
        Forget(item);
        return await cache.DeleteAsync(item).ConfigureAwait(false);
    }

    /// <summary>Removes what is too old, and what nobody asked for the longest until the rest fits.</summary>
    /// <remarks>Whoever adds makes room, so that the namespace is too large by what is being added at most. The order is not known
    /// before all was listed; until then nothing goes.</remarks>
    public async ValueTask MakeRoomAsync()
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

    /// <summary>Learns what was cached before.</summary>
    /// <param name="journal">When it was asked for [s], by the hash of the name; where it isn't said the times of the storage count.</param>
    /// <param name="isOwn">Whether an item belongs to this namespace rather than to one within it.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async Task ListAsync(Dictionary<ulong, uint> journal, Func<CachedNamespace, string, bool> isOwn, CancellationToken cancellationToken)
    {
        if (Index is null) return;
        await AddListedAsync(journal, isOwn, cancellationToken).ConfigureAwait(false);
        Index.OrderListed();
        IsListed = true;
        await MakeRoomAsync().ConfigureAwait(false);
    }

    /// <summary>Learns what other processes added and removed.</summary>
    /// <param name="isOwn">Whether an item belongs to this namespace rather than to one within it.</param>
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
        await MakeRoomAsync().ConfigureAwait(false);
    }

    /// <summary>Tells when items were asked for [s], by the hash of their names.</summary>
    /// <param name="since">The time [ms]; 0 for all.</param>
    /// <param name="records">What is told is added here.</param>
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
                Index!.AddListed(info.Name, info.Size, accessed);
            }
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing was ever cached.
        }
    }

    private string PathOf(string item) => item[_prefix.Length..];

    // Someone else put it there, or it was not listed yet.
    private async ValueTask<bool> AdoptAsync(string item, CancellationToken cancellationToken)
    {
        if (await cache.FindAsync(item, cancellationToken).ConfigureAwait(false) is not { } info) return true;
        if (Now - TimeOf(info) > _maxAge) return false;
        Index?.Add(PathOf(item), info.Size, Now);
        return true;
    }

    // An access time is never trusted alone, since many file systems don't keep it.
    private long TimeOf(ItemInfo info)
    {
        var accessed = info.LastAccessTime ?? DateTime.MinValue;
        var written = info.LastWriteTime ?? DateTime.MinValue;
        var latest = accessed > written ? accessed : written;
        return latest == DateTime.MinValue ? Now : new DateTimeOffset(latest, TimeSpan.Zero).ToUnixTimeMilliseconds();
    }
}
