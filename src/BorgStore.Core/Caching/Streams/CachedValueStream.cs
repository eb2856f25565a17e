using BorgStore.Backends;

namespace BorgStore.Caching.Streams;

/// <summary>A value from the cache that continues from the storage if the cache fails halfway.</summary>
/// <param name="cached">The value in the cache.</param>
/// <param name="cache">The cache, to report failures to.</param>
/// <param name="reload">Opens the same value or part in the storage.</param>
internal sealed class CachedValueStream(ValueStream cached, CacheStorage cache, Func<CancellationToken, ValueTask<ValueStream?>> reload) : ValueStream
{
    private readonly long _length = cached.Length;
    private ValueStream? _reloaded;
    private long _position;

    /// <inheritdoc/>
    public override long Length => _length;

    private ValueStream Current => _reloaded ?? cached;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count;
        try
        {
            count = await Current.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (_reloaded is null && !cancellationToken.IsCancellationRequested)
        {
            await ReloadAsync(e, cancellationToken).ConfigureAwait(false);
            count = await Current.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        _position += count;
        return count;
    }

    /// <inheritdoc/>
    public override async ValueTask<byte[]> ReadToEndAsync(CancellationToken cancellationToken = default)
    {
        if (_position > 0) return await base.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Current.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (_reloaded is null && !cancellationToken.IsCancellationRequested && Length <= Array.MaxLength)
        {
            await ReloadAsync(e, cancellationToken).ConfigureAwait(false);
            return await Current.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await Current.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) Current.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask ReloadAsync(Exception failure, CancellationToken cancellationToken)
    {
        cache.Report(failure);
        var loaded = await reload(cancellationToken).ConfigureAwait(false);
        if (loaded is null || loaded.Length != Length)
        {
            if (loaded is not null) await loaded.DisposeAsync().ConfigureAwait(false);
            throw new StoreException(StoreError.BackendFailure,
                "The cached value could not be read to its end, and the value in the store has changed since. Load it again.", null, failure);
        }
        await cached.DisposeAsync().ConfigureAwait(false);
        _reloaded = loaded;
        // Skip what the caller already has.
        var passed = new byte[Math.Min(_position, 64 * 1024)];
        for (var left = _position; left > 0;)
        {
            var count = await loaded.ReadAsync(passed.AsMemory(0, (int)Math.Min(passed.Length, left)), cancellationToken).ConfigureAwait(false);
            if (count == 0) break;
            left -= count;
        }
    }
}
