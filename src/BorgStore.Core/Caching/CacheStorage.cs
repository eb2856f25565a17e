using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Hashing;

namespace BorgStore.Caching;

/// <summary>A cache backend whose failures never fail an operation; they are counted, reported once and treated as a miss.</summary>
/// <param name="backend">The backend that stores the cached values.</param>
/// <param name="displayUrl">The cache's URL for messages.</param>
/// <param name="meter">The counters.</param>
/// <param name="warning">Called at the first failure.</param>
internal sealed class CacheStorage(IBackend backend, string displayUrl, CacheMeter meter, Action<string>? warning)
{
    private int _hasWarned;

    /// <summary>The backend itself, for callers that must see failures.</summary>
    public IBackend Backend => backend;

    /// <summary>The cache's URL for messages.</summary>
    public string DisplayUrl => displayUrl;

    public CacheMeter Meter => meter;

    /// <summary>Whether the cache is open and can be trusted.</summary>
    public bool IsUsable { get; private set; }

    /// <summary>Opens the cache; creates it if it does not exist.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!await TryOpenAsync(cancellationToken).ConfigureAwait(false))
            {
                await backend.CreateAsync(cancellationToken).ConfigureAwait(false);
                await backend.OpenAsync(cancellationToken).ConfigureAwait(false);
            }
            IsUsable = true;
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            Disable(e);
        }
    }

    /// <summary>Returns whether the cache exists and contains anything.</summary>
    public async Task<bool> HasContentAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!await TryOpenAsync(cancellationToken).ConfigureAwait(false)) return false;
            IsUsable = true;
            await foreach (var _ in backend.ListAsync("", ListScope.Tree, cancellationToken).ConfigureAwait(false)) return true;
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            Disable(e);
        }
        return false;
    }

    /// <summary>Deletes the cache with everything in it.</summary>
    public async Task DestroyAsync(CancellationToken cancellationToken)
    {
        try
        {
            await backend.DestroyAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.StoreDoesNotExist)
        {
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            Report(e);
        }
    }

    /// <summary>Closes the cache.</summary>
    public async ValueTask CloseAsync()
    {
        IsUsable = false;
        try
        {
            await backend.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsFailure(e, CancellationToken.None))
        {
            Report(e);
        }
    }

    /// <summary>Opens a cached value for reading.</summary>
    public async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        meter.AddLoad();
        try
        {
            return await backend.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            Report(e);
            return null;
        }
    }

    /// <summary>Gets information about a cached item.</summary>
    public async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await backend.FindAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            Report(e);
            return null;
        }
    }

    /// <summary>Computes the hash of a cached value.</summary>
    public async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        try
        {
            return await backend.HashAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (IsFailure(e, cancellationToken))
        {
            Report(e);
            return null;
        }
    }

    /// <summary>Puts a value into the cache.</summary>
    /// <param name="name">The nested name.</param>
    /// <param name="value">The value.</param>
    /// <param name="wasCanceled">Returns whether the value was withdrawn during the transfer, which is not a failure.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it was stored.</returns>
    public async ValueTask<bool> StoreAsync(string name, StoreValue value, Func<bool>? wasCanceled, CancellationToken cancellationToken)
    {
        meter.AddStore();
        try
        {
            await backend.StoreAsync(name, value, StoreMode.Overwrite, cancellationToken).ConfigureAwait(false);
            meter.AddStored(value.Length);
            return true;
        }
        catch (Exception e)
        {
            // The storage is up to date, so the operation succeeded, even for a caller that cancelled.
            if (wasCanceled?.Invoke() != true && IsFailure(e, cancellationToken)) Report(e);
            return false;
        }
    }

    /// <summary>Removes a value from the cache.</summary>
    /// <returns>Whether it no longer exists.</returns>
    public async ValueTask<bool> DeleteAsync(string name)
    {
        try
        {
            if (await backend.DeleteAsync(name, CancellationToken.None).ConfigureAwait(false)) meter.AddDelete();
            return true;
        }
        catch (Exception e) when (IsFailure(e, CancellationToken.None))
        {
            Report(e);
            return false;
        }
    }

    /// <summary>Renames a cached item.</summary>
    /// <returns>Whether it existed, or <see langword="null"/> after a failure.</returns>
    public async ValueTask<bool?> MoveAsync(string name, string newName)
    {
        try
        {
            return await backend.MoveAsync(name, newName, StoreMode.Overwrite, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists)
        {
            // The new name is below an item, as it is in the storage, which reports it.
            return null;
        }
        catch (Exception e) when (IsFailure(e, CancellationToken.None))
        {
            Report(e);
            return null;
        }
    }

    /// <summary>Counts a failure and reports the first one.</summary>
    public void Report(Exception failure)
    {
        // The cache may work again later, but until then each load would have to wait for it.
        if (failure is StoreException { Error: StoreError.ConnectionLost or StoreError.Timeout or StoreError.AuthenticationFailed })
        {
            Disable(failure);
            return;
        }
        meter.AddError();
        Warn($"The cache '{displayUrl}' failed and was bypassed: {failure.Message} The store itself is not affected; further failures of its cache are only counted.");
    }

    /// <summary>Disables the cache.</summary>
    public void Disable(Exception failure)
    {
        IsUsable = false;
        meter.IsDisabled = true;
        meter.AddError();
        Warn($"The cache '{displayUrl}' does not work and is not used until the store is opened again: {failure.Message} The store itself is not affected.");
    }

    private async Task<bool> TryOpenAsync(CancellationToken cancellationToken)
    {
        if (IsUsable) return true;
        try
        {
            await backend.OpenAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (StoreException e) when (e.Error == StoreError.StoreDoesNotExist)
        {
            return false;
        }
    }

    private void Warn(string text)
    {
        if (Interlocked.Exchange(ref _hasWarned, 1) == 0) warning?.Invoke(text);
    }

    private static bool IsFailure(Exception e, CancellationToken cancellationToken)
        => e is not OperationCanceledException || !cancellationToken.IsCancellationRequested;
}
