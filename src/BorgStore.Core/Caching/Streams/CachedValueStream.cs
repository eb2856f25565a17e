using System.Buffers;
using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Caching.Streams;

/// <summary>A value from the cache that continues from the storage if the cache fails halfway.</summary>
/// <remarks>It continues only if the storage begins with the bytes that the caller already has. Otherwise the caller would get parts of two values, so
/// the read fails, and the value is removed from the cache, so that loading it again succeeds.</remarks>
/// <param name="cached">The value in the cache.</param>
/// <param name="cache">The cache, to report failures to.</param>
/// <param name="reload">Opens the same value or part in the storage.</param>
/// <param name="drop">Removes the value from the cache.</param>
internal sealed class CachedValueStream(
    ValueStream cached, CacheStorage cache, Func<CancellationToken, ValueTask<ValueStream?>> reload, Func<ValueTask> drop) : ValueStream
{
    private const int SkipSize = 128 * 1024;

    private readonly long _length = cached.Length;
    private ValueStream? _reloaded;
    private Fingerprint _passed;
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
        if (_reloaded is null) _passed.Append(buffer.Span[..count]);
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
        var isSame = false;
        try
        {
            isSame = loaded?.Length == Length && await BeginsAlikeAsync(loaded, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (!isSame && loaded is not null) await loaded.DisposeAsync().ConfigureAwait(false);
        }
        if (!isSame)
        {
            await drop().ConfigureAwait(false);
            throw new StoreException(StoreError.BackendFailure,
                "The cached value could not be read to its end, and the value in the store has changed since. Load it again.", null, failure);
        }
        await cached.DisposeAsync().ConfigureAwait(false);
        _reloaded = loaded;
    }

    // Skips what the caller already has.
    private async ValueTask<bool> BeginsAlikeAsync(ValueStream loaded, CancellationToken cancellationToken)
    {
        if (_position == 0) return true;
        var passed = default(Fingerprint);
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(_position, SkipSize));
        for (var left = _position; left > 0;)
        {
            var count = await loaded.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), cancellationToken).ConfigureAwait(false);
            if (count == 0) break;
            passed.Append(buffer.AsSpan(0, count));
            left -= count;
        }
        // Not returned after a failure, when something may still be writing to it.
        ArrayPool<byte>.Shared.Return(buffer);
        return passed.Matches(_passed);
    }
}
