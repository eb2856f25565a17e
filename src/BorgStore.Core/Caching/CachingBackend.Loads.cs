using BorgStore.Backends;
using BorgStore.Backends.Gathering;
using BorgStore.Caching.Flow;

namespace BorgStore.Caching;

/// <content>Loading, from the cache or through it.</content>
internal sealed partial class CachingBackend
{
    // What is no larger is in the cache before its caller gets it; larger values go to both at once.
    private const int LargestInMemory = 1 << 20;

    /// <inheritdoc/>
    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(_shownUrl);
        if (FindCached(name) is not { } ns) return await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        return ns.Policy.Mode == CacheMode.Mirror
            ? await LoadMirroredAsync(ns, name, range, cancellationToken).ConfigureAwait(false)
            : await LoadCachedAsync(ns, name, range, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>In a cached namespace each range is loaded through the cache.</remarks>
    public override async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(_shownUrl);
        return blocks.Any(block => FindCached(block.Name) is not null)
            ? await GatherStream.OpenAsync(this, blocks, cancellationToken).ConfigureAwait(false)
            : await Inner.GatherAsync(blocks, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ValueStream?> LoadCachedAsync(CachedNamespace ns, string name, ByteRange range, CancellationToken cancellationToken)
    {
        while (true)
        {
            var fillsBefore = _names.FillsEnded;
            if (await TryLoadFromCacheAsync(ns, name, range, cancellationToken).ConfigureAwait(false) is { } cached) return cached;
            CacheFill? running = null;
            // Nothing of a value is no reason to load it.
            if (range.Length != 0 && !ns.IsKnownTooLarge(name) && _names.TryBeginFill(name, out running) is { } fill)
            {
                // Another caller may have finished between the look into the cache and now.
                var late = _names.FillsEnded == fillsBefore ? null
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
        if (ns.Policy.Verify && !await ContentCheck.IsRightAsync(_cache, name, cancellationToken).ConfigureAwait(false))
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            _cache.Report(new StoreException(StoreError.HashMismatch, $"The cached value of '{name}' was damaged and is loaded anew.", name));
            await ns.RemoveAsync(name).ConfigureAwait(false);
            return null;
        }
        _cache.Meter.AddHit();
        _cache.Meter.AddLoaded(stream.Length);
        return new CachedValueStream(stream, _cache, token => Inner.LoadAsync(name, range, token));
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

    // Loads a value from the storage for its caller and for the cache. Whoever else asks for it meanwhile waits for this.
    private async ValueTask<ValueStream?> FillAsync(
        CacheFill fill, CachedNamespace ns, string name, ByteRange range, CancellationToken cancellationToken)
    {
        var source = default(ValueStream);
        try
        {
            source = await Inner.LoadAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
            if (source is not null && ns.HasRoomFor(source.Length))
            {
                return source.Length <= LargestInMemory
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
        var isCached = check?.IsRight() != false && fill.TryBeginStoring(null)
            && await ns.StoreAsync(fill.Name, bytes, null, CancellationToken.None).ConfigureAwait(false);
        _names.EndFill(fill, isCached);
        var (start, count) = range.Resolve(bytes.Length);
        return new MemoryValueStream(bytes.AsMemory((int)start, (int)count));
    }

    private TeeValueStream FillFromStream(CacheFill fill, CachedNamespace ns, ValueStream source, ByteRange range)
    {
        var pipe = new ChunkPipe();
        var length = source.Length;
        if (!fill.TryBeginStoring(pipe.GiveUp)) pipe.GiveUp();
        // A cache whose calls block would otherwise wait here for what its caller has not read yet.
        _ = Task.Run(async () =>
        {
            var isCached = false;
            try
            {
                isCached = !pipe.IsGivenUp
                    && await ns.StoreAsync(fill.Name, new(pipe, length), () => pipe.IsGivenUp, CancellationToken.None).ConfigureAwait(false);
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
}
