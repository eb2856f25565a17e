using BorgStore.Backends;
using BorgStore.Backends.Gathering;
using BorgStore.Caching.Access;
using BorgStore.Caching.Streams;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Caching;

/// <summary>Caches values in front of a slow storage, according to the policies of the namespaces.</summary>
/// <remarks>
/// <para>The cache contains values under the same nested names as the storage. All other operations (finding, listing,
/// hashing, defragmentation) use the storage. Failures of the cache are counted and never fail an operation.</para>
/// <para>The cache never contains a value that differs from the one in the storage, so a crash is harmless: a value is removed from the
/// cache before it is replaced, deleted or renamed in the storage, and a new one is added to the cache after the storage has it.</para>
/// </remarks>
internal sealed class CachingBackend : DelegatingBackend
{
    // When opening returns, a small cache is completely indexed.
    private static readonly TimeSpan MaxWaitForListing = TimeSpan.FromMilliseconds(250);

    // Temporary items this old in the cache were abandoned by other processes.
    private static readonly TimeSpan AgeOfLeftovers = TimeSpan.FromHours(1);

    private readonly CacheStorage _cache;
    private readonly StoreLayout _layout;
    private readonly TimeProvider _time;
    private readonly string _displayUrl;
    private readonly Dictionary<string, CachedNamespace> _namespaces;
    private readonly NameTable _names = new();
    private readonly OperationGate _gate;
    private readonly AccessJournal _journal;
    private readonly CancellationTokenSource _closing = new();
    private TaskCompletionSource _relistingDue = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _listing = Task.CompletedTask;
    private Task _maintenance = Task.CompletedTask;
    private long _accessesSince;

    /// <summary>Initializes a cache in front of a storage.</summary>
    /// <param name="primary">The storage.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="layout">The namespaces with their policies.</param>
    /// <param name="displayUrl">The store's URL for messages.</param>
    /// <param name="time">The clock; tests provide their own.</param>
    public CachingBackend(IBackend primary, CacheStorage cache, StoreLayout layout, string displayUrl, TimeProvider? time = null)
        : base(primary)
    {
        (_cache, _layout, _displayUrl, _time) = (cache, layout, displayUrl, time ?? TimeProvider.System);
        _gate = new(displayUrl);
        _gate.Open();
        _journal = new(cache.Backend);
        _namespaces = layout.Namespaces.Where(ns => ns.Cache.Mode != CacheMode.Off)
            .ToDictionary(ns => ns.Name, ns => new CachedNamespace(ns.Name, ns.Cache, cache, _time, () => _relistingDue.TrySetResult()));
    }

    /// <summary>A task that completes when everything that was cached before is in the index.</summary>
    public Task ListingTask => _listing;

    /// <summary>Creates the store. An existing cache must be empty, because its content would belong to another store.</summary>
    public override async Task CreateAsync(CancellationToken cancellationToken)
    {
        if (await _cache.HasContentAsync(cancellationToken).ConfigureAwait(false))
            throw new StoreException(StoreError.StoreAlreadyExists,
                $"The store was not created: its cache '{_cache.DisplayUrl}' already holds values of another store. Choose an empty location for the cache, or delete its contents.",
                _cache.DisplayUrl);
        await base.CreateAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes the store and its cache.</summary>
    public override async Task DestroyAsync(CancellationToken cancellationToken)
    {
        await base.DestroyAsync(cancellationToken).ConfigureAwait(false);
        await _cache.DestroyAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        await base.OpenAsync(cancellationToken).ConfigureAwait(false);
        if (!_cache.IsUsable && !_cache.Meter.IsDisabled) await _cache.OpenAsync(cancellationToken).ConfigureAwait(false);
        if (!_cache.IsUsable || !_namespaces.Values.Any(ns => ns.Policy.IsLimited)) return;

        _accessesSince = NowInMilliseconds;
        _listing = Task.Run(() => ListAsync(_closing.Token), CancellationToken.None);
        _maintenance = Task.Run(() => RunMaintenanceAsync(_closing.Token), CancellationToken.None);
        await Task.WhenAny(_listing, Task.Delay(MaxWaitForListing, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        var wasOpen = await _gate.CloseAsync().ConfigureAwait(false);
        if (wasOpen)
        {
            await _names.CancelFillsAsync().ConfigureAwait(false);
            await StopMaintenanceAsync().ConfigureAwait(false);
            await _cache.CloseAsync().ConfigureAwait(false);
        }
        await base.DisposeAsync().ConfigureAwait(false);
        if (wasOpen) _closing.Dispose();
    }

    /// <summary>Removes an item from the cache.</summary>
    /// <returns>Whether it was cached.</returns>
    public async ValueTask<bool> ClearAsync(string name, CancellationToken cancellationToken)
    {
        if (FindCached(name) is not { } ns) return false;
        ThrowIfCacheUnusable();
        using var change = await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false);
        ns.Forget(name);
        if (!await _cache.Backend.DeleteAsync(name, cancellationToken).ConfigureAwait(false)) return false;
        _cache.Meter.AddDelete();
        return true;
    }

    /// <summary>Removes all items of a namespace from the cache.</summary>
    public async Task ClearNamespaceAsync(NamespaceLayout layout, CancellationToken cancellationToken)
    {
        if (!_namespaces.TryGetValue(layout.Name, out var ns)) return;
        ThrowIfCacheUnusable();
        var prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";
        try
        {
            await foreach (var item in _cache.Backend.ListAsync(ns.Name, ListScope.Tree, cancellationToken).ConfigureAwait(false))
                if (IsOwn(ns, prefix + item.Name))
                    await ClearAsync(prefix + item.Name, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            // Nothing was ever cached.
        }
    }

    /// <summary>Removes everything from the cache.</summary>
    public async Task ClearAllAsync(CancellationToken cancellationToken)
    {
        foreach (var ns in _layout.Namespaces) await ClearNamespaceAsync(ns, cancellationToken).ConfigureAwait(false);
    }

    private long NowInMilliseconds => _time.GetUtcNow().ToUnixTimeMilliseconds();

    // Returns the namespace of a nested name if it is cached and the cache works.
    private CachedNamespace? FindCached(string name)
        => _cache.IsUsable && _layout.Find(name) is { } ns ? _namespaces.GetValueOrDefault(ns.Name) : null;

    private bool IsOwn(CachedNamespace ns, string name) => _layout.Find(name)?.Name == ns.Name;

    private void ThrowIfCacheUnusable()
    {
        if (!_cache.IsUsable)
            throw new StoreException(StoreError.BackendFailure,
                $"The cache '{_cache.DisplayUrl}' was not cleared because it has failed. Repair it, then open the store again.", _cache.DisplayUrl);
    }

    // Values up to this size are stored in the cache before the caller gets them; larger ones are transferred to both at once.
    private const int MaxInMemorySize = 1 << 20;

    /// <inheritdoc/>
    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        if (FindCached(name) is not { } ns) return await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        return ns.Policy.Mode == CacheMode.Mirror
            ? await LoadMirroredAsync(ns, name, range, cancellationToken).ConfigureAwait(false)
            : await LoadCachedAsync(ns, name, range, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>In a cached namespace each range is loaded through the cache.</remarks>
    public override async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        return blocks.Any(block => FindCached(block.Name) is not null)
            ? await GatherStream.OpenAsync(this, blocks, cancellationToken).ConfigureAwait(false)
            : await Inner.GatherAsync(blocks, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ValueStream?> LoadCachedAsync(CachedNamespace ns, string name, ByteRange range, CancellationToken cancellationToken)
    {
        while (true)
        {
            var fillsBefore = _names.CompletedFills;
            if (await TryLoadFromCacheAsync(ns, name, range, cancellationToken).ConfigureAwait(false) is { } cached) return cached;
            CacheFill? running = null;
            // An empty range is no reason to load a value.
            if (range.Length != 0 && !ns.IsKnownTooLarge(name) && _names.TryBeginFill(name, out running) is { } fill)
            {
                // Another caller may have completed a fill since the lookup in the cache.
                var late = _names.CompletedFills == fillsBefore ? null
                    : await TryLoadLateAsync(fill, ns, range, cancellationToken).ConfigureAwait(false);
                if (late is not null) return late;
                _cache.Meter.AddMiss();
                return await FillAsync(fill, ns, name, range, cancellationToken).ConfigureAwait(false);
            }
            if (running is not null && await running.WaitAsync(cancellationToken).ConfigureAwait(false) != FillOutcome.Idle) continue;
            _cache.Meter.AddMiss();
            return await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<ValueStream?> LoadMirroredAsync(CachedNamespace ns, string name, ByteRange range, CancellationToken cancellationToken)
    {
        if (range.Length == 0 || ns.IsKnownTooLarge(name) || _names.TryBeginFill(name, out _) is not { } fill)
            return await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        var value = await FillAsync(fill, ns, name, range, cancellationToken).ConfigureAwait(false);
        if (value is null) await ns.RemoveAsync(name).ConfigureAwait(false);
        return value;
    }

    private async ValueTask<ValueStream?> TryLoadFromCacheAsync(
        CachedNamespace ns, string name, ByteRange range, CancellationToken cancellationToken)
    {
        var stream = await ns.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        if (stream is null) return null;
        if (ns.Policy.Verify && !await ContentCheck.IsValidAsync(_cache, name, cancellationToken).ConfigureAwait(false))
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            _cache.Report(new StoreException(StoreError.HashMismatch, $"The cached value of '{name}' was damaged and will be loaded again.", name));
            await ns.RemoveAsync(name).ConfigureAwait(false);
            return null;
        }
        _cache.Meter.AddHit();
        _cache.Meter.AddLoaded(stream.Length);
        return new CachedValueStream(stream, _cache, token => Inner.LoadAsync(name, range, token), () => DropAsync(ns, name));
    }

    private async ValueTask<ValueStream?> TryLoadLateAsync(
        CacheFill fill, CachedNamespace ns, ByteRange range, CancellationToken cancellationToken)
    {
        var isCached = false;
        try
        {
            var value = await TryLoadFromCacheAsync(ns, fill.Name, range, cancellationToken).ConfigureAwait(false);
            isCached = value is not null;
            return value;
        }
        catch
        {
            _names.EndFill(fill, isCached: false);
            throw;
        }
        finally
        {
            if (isCached) _names.EndFill(fill, isCached: true);
        }
    }

    // Loads a value from the storage for the caller and the cache. Other callers that request it meanwhile wait for this.
    private async ValueTask<ValueStream?> FillAsync(
        CacheFill fill, CachedNamespace ns, string name, ByteRange range, CancellationToken cancellationToken)
    {
        var source = default(ValueStream);
        try
        {
            source = await Inner.LoadAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
            if (source is not null && ns.CanHold(source.Length))
            {
                return source.Length <= MaxInMemorySize
                    ? await FillFromMemoryAsync(fill, ns, source, range, cancellationToken).ConfigureAwait(false)
                    : FillFromStream(fill, ns, source, range);
            }
        }
        catch
        {
            _names.EndFill(fill, isCached: false);
            if (source is not null) await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        if (source is not null) ns.RememberTooLarge(name);
        _names.EndFill(fill, isCached: false);
        if (source is null || range.IsWhole) return source;
        await source.DisposeAsync().ConfigureAwait(false);
        return await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ValueStream> FillFromMemoryAsync(
        CacheFill fill, CachedNamespace ns, ValueStream source, ByteRange range, CancellationToken cancellationToken)
    {
        byte[] bytes;
        await using (source.ConfigureAwait(false)) bytes = await source.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        using var check = ns.Policy.Verify ? ContentCheck.Begin(fill.Name) : null;
        check?.Append(bytes);
        var isCached = check?.IsValid() != false && fill.TryBeginStoring(null)
            && await ns.StoreAsync(fill.Name, bytes, null, CancellationToken.None).ConfigureAwait(false);
        _names.EndFill(fill, isCached);
        var (start, count) = range.Resolve(bytes.Length);
        return new MemoryValueStream(bytes.AsMemory((int)start, (int)count));
    }

    private TeeValueStream FillFromStream(CacheFill fill, CachedNamespace ns, ValueStream source, ByteRange range)
    {
        var pipe = new ChunkPipe();
        var length = source.Length;
        if (!fill.TryBeginStoring(pipe.Cancel)) pipe.Cancel();
        // On the pool, because a cache with blocking calls would wait here for what the caller has not read yet.
        _ = Task.Run(async () =>
        {
            var isCached = false;
            try
            {
                isCached = !pipe.IsCanceled
                    && await ns.StoreAsync(fill.Name, new(pipe, length), () => pipe.IsCanceled, CancellationToken.None).ConfigureAwait(false);
            }
            finally
            {
                pipe.Stop();
                _names.EndFill(fill, isCached);
            }
        });
        fill.IsReading = false;
        return new TeeValueStream(source, range, pipe, fill, ns.Policy.Verify ? ContentCheck.Begin(fill.Name) : null);
    }

    // A cached value that is being renamed. A crash leaves it behind as a temporary item, which is never used as a value.
    private const string MoveSuffix = ".move" + Suffixes.Temporary;

    /// <inheritdoc/>
    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        if (FindCached(name) is not { } ns)
        {
            await Inner.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
            return;
        }
        using var change = await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false);
        // An item that must be new is not cached, unless someone deleted it bypassing this cache; that case is handled below.
        if (mode == StoreMode.Overwrite) await DropAsync(ns, name).ConfigureAwait(false);
        ns.ForgetTooLarge(name);

        bool isCached;
        if (!ns.CanHold(value.Length))
        {
            await Inner.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
            isCached = false;
        }
        else if (value.CanReadAgain || value.Length == 0)
        {
            await Inner.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
            isCached = _cache.IsUsable && await ns.StoreAsync(name, value, null, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            isCached = await StoreOnceAsync(ns, name, value, mode, cancellationToken).ConfigureAwait(false);
        }
        if (!isCached && mode == StoreMode.CreateNew) await DropAsync(ns, name).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override ValueOrigin? FindOrigin(string name) => Inner.FindOrigin(name);

    /// <inheritdoc/>
    /// <remarks>The cache gets the value when it is loaded. A mirror gets values when they are stored, so the caller must do that.</remarks>
    public override async ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        if (FindCached(name) is not { } ns) return await Inner.CopyFromAsync(origin, name, mode, cancellationToken).ConfigureAwait(false);
        if (ns.Policy.Mode == CacheMode.Mirror) return null;
        using var change = await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        await DropAsync(ns, name).ConfigureAwait(false);
        ns.ForgetTooLarge(name);
        return await Inner.CopyFromAsync(origin, name, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => Inner.ListRawTreeAsync(directory, after, cancellationToken);

    /// <inheritdoc/>
    public override async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        if (FindCached(name) is not { } ns) return await Inner.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
        using var change = await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        await DropAsync(ns, name).ConfigureAwait(false);
        ns.ForgetTooLarge(name);
        return await Inner.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override int DeleteBatchSize => Inner.DeleteBatchSize;

    /// <inheritdoc/>
    public override async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(
        IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        var changes = new List<NameTable.Change>();
        try
        {
            // In a fixed order, as for moves.
            foreach (var name in names.Where(name => FindCached(name) is not null).Distinct().Order(StringComparer.Ordinal))
            {
                changes.Add(await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false));
                if (FindCached(name) is not { } ns) continue;
                await DropAsync(ns, name).ConfigureAwait(false);
                ns.ForgetTooLarge(name);
            }
            return await Inner.DeleteManyAsync(names, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var change in changes) change.Dispose();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        var (from, to) = (FindCached(name), FindCached(newName));
        if ((from is null && to is null) || name == newName)
            return await Inner.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);

        // In a fixed order, to avoid deadlocks.
        var isInOrder = string.CompareOrdinal(name, newName) < 0;
        using var first = await _names.BeginChangeAsync(isInOrder ? name : newName, cancellationToken).ConfigureAwait(false);
        using var second = await _names.BeginChangeAsync(isInOrder ? newName : name, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        from?.ForgetTooLarge(name);
        to?.ForgetTooLarge(newName);
        return await MoveBothAsync(from, to, name, newName, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        // A target named by its hash has the same content as a cached item of that name.
        if (request.Target is not { } target || FindCached(target) is not { } ns)
            return await Inner.DefragAsync(request, cancellationToken).ConfigureAwait(false);
        using var change = await _names.BeginChangeAsync(target, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        await DropAsync(ns, target).ConfigureAwait(false);
        ns.ForgetTooLarge(target);
        return await Inner.DefragAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<bool> MoveBothAsync(
        CachedNamespace? from, CachedNamespace? to, string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        if (to is not null && mode == StoreMode.Overwrite) await DropAsync(to, newName).ConfigureAwait(false);
        var temporaryName = newName + MoveSuffix;
        var size = from?.Index is null ? 0 : from.Forget(name);
        // A directory would stay in the cache if the storage refused to move it.
        var isCached = from is not null && to is not null
            && await _cache.FindAsync(name, CancellationToken.None).ConfigureAwait(false) is { IsDirectory: false };
        var isSetAside = isCached && await _cache.MoveAsync(name, temporaryName).ConfigureAwait(false) == true;
        if (from is not null && !isSetAside) await DropAsync(from, name).ConfigureAwait(false);

        var isMoved = false;
        try
        {
            isMoved = await Inner.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (isSetAside && isMoved && await _cache.MoveAsync(temporaryName, newName).ConfigureAwait(false) == true)
            {
                await CompleteMoveAsync(to!, newName, size).ConfigureAwait(false);
            }
            else
            {
                if (isSetAside) await _cache.DeleteAsync(temporaryName).ConfigureAwait(false);
                if (isMoved && to is not null && mode == StoreMode.CreateNew) await DropAsync(to, newName).ConfigureAwait(false);
            }
        }
        return isMoved;
    }

    private async ValueTask CompleteMoveAsync(CachedNamespace to, string newName, long? size)
    {
        if (to.Index is not null)
        {
            size ??= (await _cache.FindAsync(newName, CancellationToken.None).ConfigureAwait(false))?.Size;
            to.Add(newName, size ?? 0);
        }
        await to.EvictAsync().ConfigureAwait(false);
    }

    // A value that can be read only once is sent to both at the same time. The cache receives its end after the storage has all of it.
    private async ValueTask<bool> StoreOnceAsync(
        CachedNamespace ns, string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var pipe = new ChunkPipe();
        var caching = Task.Run(async () =>
        {
            var isCached = await ns.StoreAsync(name, new(pipe, value.Length), () => pipe.IsCanceled, CancellationToken.None).ConfigureAwait(false);
            pipe.Stop();
            return isCached;
        }, CancellationToken.None);
        try
        {
            var source = new TeeSource(value.OpenStream(), pipe);
            await using (source.ConfigureAwait(false))
                await Inner.StoreAsync(name, new(source, value.Length), mode, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            pipe.Cancel();
            await caching.ConfigureAwait(false);
            throw;
        }
        await pipe.CompleteAsync().ConfigureAwait(false);
        return await caching.ConfigureAwait(false);
    }

    // A value that cannot be removed from the cache might later be returned in place of a new one.
    private async ValueTask DropAsync(CachedNamespace ns, string name)
    {
        if (_cache.IsUsable && !await ns.RemoveAsync(name).ConfigureAwait(false) && _cache.IsUsable)
            _cache.Disable(new StoreException(StoreError.BackendFailure, $"The old value of '{name}' could not be removed from it.", name));
    }

    private static readonly TimeSpan MaxMaintenanceInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MinMaintenanceInterval = TimeSpan.FromMilliseconds(250);

    // Losing the journal in a crash matters little, and each write contains all accesses since the opening.
    private static readonly TimeSpan JournalInterval = TimeSpan.FromMinutes(10);

    private async Task ListAsync(CancellationToken cancellationToken)
    {
        try
        {
            var journal = await ReadJournalAsync(cancellationToken).ConfigureAwait(false);
            foreach (var ns in _namespaces.Values) await ns.ListAsync(journal, IsOwn, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            // Without the index no limits could be enforced.
            _cache.Disable(e);
        }
    }

    private async Task RunMaintenanceAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _listing.ConfigureAwait(false);
            await RemoveLeftoversAsync(cancellationToken).ConfigureAwait(false);
            var shortestAge = _namespaces.Values.Min(ns => ns.Policy.MaxAge) ?? MaxMaintenanceInterval;
            var interval = TimeSpan.FromTicks(Math.Clamp(shortestAge.Ticks / 4, MinMaintenanceInterval.Ticks, MaxMaintenanceInterval.Ticks));
            var written = NowInMilliseconds;
            while (_cache.IsUsable)
            {
                await WaitAsync(interval, cancellationToken).ConfigureAwait(false);
                foreach (var ns in _namespaces.Values)
                    if (ns.NeedsRelisting) await RelistAsync(ns, cancellationToken).ConfigureAwait(false);
                    else await ns.EvictAsync().ConfigureAwait(false);
                if (NowInMilliseconds - written < JournalInterval.TotalMilliseconds) continue;
                await WriteJournalAsync(cancellationToken).ConfigureAwait(false);
                written = NowInMilliseconds;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        catch (Exception e)
        {
            _cache.Report(e);
        }
    }

    private async Task WaitAsync(TimeSpan interval, CancellationToken cancellationToken)
    {
        try
        {
            await _relistingDue.Task.WaitAsync(interval, cancellationToken).ConfigureAwait(false);
            _relistingDue = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        catch (TimeoutException)
        {
            // The interval is over; nothing was requested meanwhile.
        }
    }

    // A failed relisting is retried after the same amount was added again; until then the limits apply to what is known.
    private async Task RelistAsync(CachedNamespace ns, CancellationToken cancellationToken)
    {
        try
        {
            await ns.RelistAsync(IsOwn, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _cache.Report(e);
        }
    }

    private async Task StopMaintenanceAsync()
    {
        // A session that added nothing can skip the listing; otherwise each session would leave more behind.
        if (_cache.IsUsable && _namespaces.Values.Any(ns => ns.Policy.IsLimited && ns.HasAdded)) await _listing.ConfigureAwait(false);
        await _closing.CancelAsync().ConfigureAwait(false);
        await _listing.ConfigureAwait(false);
        await _maintenance.ConfigureAwait(false);
        if (!_cache.IsUsable) return;
        foreach (var ns in _namespaces.Values) await ns.EvictAsync().ConfigureAwait(false);
        await WriteJournalAsync(CancellationToken.None).ConfigureAwait(false);
    }

    // If the journal cannot be read, the times of the storage are used instead.
    private async Task<Dictionary<ulong, uint>> ReadJournalAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _journal.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return [];
        }
    }

    private async Task WriteJournalAsync(CancellationToken cancellationToken)
    {
        var limited = _namespaces.Values.Where(ns => ns.Index is not null).ToArray();
        var records = new List<(ulong Hash, uint Time)>();
        foreach (var ns in limited) ns.CollectSince(_accessesSince, records);
        if (records.Count == 0) return;
        try
        {
            if (_journal.NeedsRewrite(limited.Sum(ns => (long)ns.Index!.Count), records.Count) && limited.All(ns => ns.IsListed))
            {
                records.Clear();
                var now = NowInMilliseconds;
                foreach (var ns in limited) ns.CollectSince(0, records);
                await _journal.RewriteAsync(records, cancellationToken).ConfigureAwait(false);
                _accessesSince = now;
            }
            else
            {
                await _journal.WriteAsync(records, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A cache that supports no hidden items, or is read-only, works without the journal.
        }
    }

    private async Task RemoveLeftoversAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var item in _cache.Backend.ListTemporaryAsync(AgeOfLeftovers, cancellationToken).ConfigureAwait(false))
                await _cache.Backend.DeleteTemporaryAsync(item, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Some storages do not support temporary items, and in a read-only one they stay.
        }
    }
}
