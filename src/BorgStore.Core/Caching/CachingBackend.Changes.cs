using BorgStore.Backends;
using BorgStore.Caching.Flow;
using BorgStore.Naming;

namespace BorgStore.Caching;

/// <content>Changes, which go to the storage and to the cache.</content>
internal sealed partial class CachingBackend
{
    // A cached value on its way from one name to another. A crash leaves it as something unfinished, which nobody takes for a value.
    private const string OnItsWay = ".move" + Suffixes.Temporary;

    /// <inheritdoc/>
    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(_shownUrl);
        if (FindCached(name) is not { } ns)
        {
            await Inner.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
            return;
        }
        using var change = await _names.BeginChangeAsync(name, cancellationToken).ConfigureAwait(false);
        // An item that is to be new is in no cache, unless others deleted it past us; then it goes below.
        if (mode == StoreMode.Overwrite) await DropAsync(ns, name).ConfigureAwait(false);
        ns.ForgetTooLarge(name);

        bool isCached;
        if (!ns.HasRoomFor(value.Length))
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
    public override async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var pass = _gate.Enter(_shownUrl);
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
        using var pass = _gate.Enter(_shownUrl);
        var changes = new List<NameTable.Change>();
        try
        {
            // In one order for all, as for moves.
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
        using var pass = _gate.Enter(_shownUrl);
        var (from, to) = (FindCached(name), FindCached(newName));
        if ((from is null && to is null) || name == newName)
            return await Inner.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);

        // In one order for all, so that nobody waits for another who waits for him.
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
        using var pass = _gate.Enter(_shownUrl);
        // A target that is named by its hash is what the cache has under that name, if it has it.
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
        var onItsWay = newName + OnItsWay;
        var size = from?.Index is null ? 0 : from.Forget(name);
        // A directory would stay behind in the cache if the storage refused to move it.
        var isCached = from is not null && to is not null
            && await _cache.FindAsync(name, CancellationToken.None).ConfigureAwait(false) is { IsDirectory: false };
        var isOnItsWay = isCached && await _cache.MoveAsync(name, onItsWay).ConfigureAwait(false) == true;
        if (from is not null && !isOnItsWay) await DropAsync(from, name).ConfigureAwait(false);

        var isMoved = false;
        try
        {
            isMoved = await Inner.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (isOnItsWay && isMoved && await _cache.MoveAsync(onItsWay, newName).ConfigureAwait(false) == true)
            {
                await ArriveAsync(to!, newName, size).ConfigureAwait(false);
            }
            else
            {
                if (isOnItsWay) await _cache.DeleteAsync(onItsWay).ConfigureAwait(false);
                if (isMoved && to is not null && mode == StoreMode.CreateNew) await DropAsync(to, newName).ConfigureAwait(false);
            }
        }
        return isMoved;
    }

    private async ValueTask ArriveAsync(CachedNamespace to, string newName, long? size)
    {
        if (to.Index is not null)
        {
            size ??= (await _cache.FindAsync(newName, CancellationToken.None).ConfigureAwait(false))?.Size;
            to.Add(newName, size ?? 0);
        }
        await to.MakeRoomAsync().ConfigureAwait(false);
    }

    // A value that can be read only once goes to both at the same time. The cache gets its end when the storage has all of it.
    private async ValueTask<bool> StoreOnceAsync(
        CachedNamespace ns, string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var pipe = new ChunkPipe();
        var caching = Task.Run(async () =>
        {
            var isCached = await ns.StoreAsync(name, new(pipe, value.Length), () => pipe.IsGivenUp, CancellationToken.None).ConfigureAwait(false);
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
            pipe.GiveUp();
            await caching.ConfigureAwait(false);
            throw;
        }
        await pipe.CompleteAsync().ConfigureAwait(false);
        return await caching.ConfigureAwait(false);
    }

    // What can't be taken out of the cache would be there when its name means something else.
    private async ValueTask DropAsync(CachedNamespace ns, string name)
    {
        if (_cache.IsUsable && !await ns.RemoveAsync(name).ConfigureAwait(false) && _cache.IsUsable)
            _cache.Disable(new StoreException(StoreError.BackendFailure, $"The old value of '{name}' could not be removed from it.", name));
    }
}
