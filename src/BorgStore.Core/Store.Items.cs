using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore;

/// <content>Single items: find, load, store, delete, hash.</content>
public sealed partial class Store
{
    /// <summary>Finds an item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The item, or <see langword="null"/> where there is none.</returns>
    public async ValueTask<StoreItem?> FindAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var ns = FindNamespace(name);
        var found = await LocateAsync(ns, name, deleted, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Info, start);
        return found is { } item
            ? new(name, ns.Name, item.Info.Size, deleted, item.Level, item.Info.LastAccessTime, item.Info.LastWriteTime)
            : null;
    }

    /// <summary>Tells of an item. Fails where there is none.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<StoreItem> GetInfoAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
        => await FindAsync(name, deleted, cancellationToken).ConfigureAwait(false) ?? throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);

    /// <summary>Loads a value, or a part of it, into memory.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="range">Which part; the whole value by default.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<byte[]> LoadAsync(
        string name, ByteRange range = default, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var value = await LoadNestedAsync(name, range, deleted, cancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false))
        {
            var bytes = await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            _meter.Add(Operation.Load, start, bytes.Length);
            return bytes;
        }
    }

    /// <summary>Begins to load a value, or a part of it, as a stream that the caller disposes.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="range">Which part; the whole value by default.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<ValueStream> OpenReadAsync(
        string name, ByteRange range = default, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var value = await LoadNestedAsync(name, range, deleted, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Load, start, value.Length);
        return value;
    }

    /// <summary>Stores a value. An existing item is replaced on the level where it lies; a new one goes to the last level.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">What to do where the item exists already.</param>
    /// <param name="cancellationToken">Ends the wait; the value is then stored whole or not at all.</param>
    public async ValueTask StoreAsync(
        string name, StoreValue value, StoreMode mode = StoreMode.Overwrite, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var nested = await ResolveToWriteAsync(name, mode, cancellationToken).ConfigureAwait(false);
        try
        {
            await _backend.StoreAsync(nested, value, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists && mode == StoreMode.CreateNew)
        {
            throw AlreadyExists(name, "store");
        }
        _meter.Add(Operation.Store, start, value.Length);
    }

    /// <summary>Deletes an item for good.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask DeleteAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var nested = await ResolveAsync(FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false);
        var found = nested is not null && await _backend.DeleteAsync(nested, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Delete, start);
        if (!found) throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>How many items <see cref="DeleteManyAsync"/> deletes with one request of the storage; 1 where it is no better than
    /// <see cref="DeleteAsync"/>.</summary>
    public int DeleteBatchSize => _backend.DeleteBatchSize;

    /// <summary>Deletes items of a listing for good. One that is gone by now is no failure, and none ends the rest.</summary>
    /// <param name="items">The items; where they lie is taken from them.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Those that are still there, by their full names.</returns>
    public async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(
        IReadOnlyList<StoreItem> items, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var names = new Dictionary<string, string>(items.Count);
        foreach (var item in items) names[NestToRead(item.Name, item.Level, item.IsDeleted)] = item.Name;
        var failures = await _backend.DeleteManyAsync([.. names.Keys], cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Delete, start);
        return [.. failures.Select(failure => failure with { Name = names[failure.Name] })];
    }

    /// <summary>Computes the hash of a value, where the value lies if that is possible.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The digest in lower-case hex.</returns>
    public async ValueTask<string> HashAsync(
        string name, HashKind algorithm, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var nested = await ResolveAsync(FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false);
        var digest = nested is null ? null : await _backend.HashAsync(nested, algorithm, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Hash, start);
        return digest ?? throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ValueStream> LoadNestedAsync(string name, ByteRange range, bool deleted, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        // Loading tells absence as well as asking first would, for one call less.
        foreach (var level in ns.Levels)
        {
            var nested = NestToRead(name, level, deleted);
            if (await _backend.LoadAsync(nested, range, cancellationToken).ConfigureAwait(false) is { } value) return value;
            if (!Nesting.Fits(name, level)) break;
        }
        throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
    }

    // Where a value is to be written: over the existing item, or else to the last level.
    private async ValueTask<string> ResolveToWriteAsync(string name, StoreMode mode, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        if (ns.Levels.Count > 1 && await LocateAsync(ns, name, deleted: false, cancellationToken).ConfigureAwait(false) is { } existing)
            return mode == StoreMode.CreateNew ? throw AlreadyExists(name, "store") : existing.Nested;
        var nested = NestToWrite(ns, name, DemandWritable(ns, name).WriteLevel);
        await CheckGivenLevelsAsync(ns, name, cancellationToken).ConfigureAwait(false);
        return nested;
    }
}
