using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Naming;

namespace BorgStore;

/// <content>All that is a rename: moves, soft deletion and undeletion, changes of level.</content>
public sealed partial class Store
{
    /// <summary>Renames an item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="newName">The new full name.</param>
    /// <param name="mode">What to do where an item of the new name exists already.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant; it stays soft-deleted.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask MoveAsync(string name, string newName, StoreMode mode = StoreMode.Overwrite, bool deleted = false,
        CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var target = deleted ? await ResolveDeletedTargetAsync(newName, cancellationToken).ConfigureAwait(false)
            : await ResolveToWriteAsync(newName, mode, cancellationToken).ConfigureAwait(false);
        var source = await ResolveAsync(FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false);
        await RenameAsync(source, target, mode, name, newName, deleted, start, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes an item so that it can be restored. A soft-deleted item of the same name is replaced.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask SoftDeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var source = await ResolveAsync(FindNamespace(name), name, deleted: false, cancellationToken).ConfigureAwait(false);
        await RenameAsync(source, source + Suffixes.Deleted, StoreMode.Overwrite, name, name, deleted: false, start, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Restores a soft-deleted item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="mode">What to do where a live item of the name exists.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask UndeleteAsync(
        string name, StoreMode mode = StoreMode.CreateNew, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var ns = FindNamespace(name);
        var source = await ResolveAsync(ns, name, deleted: true, cancellationToken).ConfigureAwait(false);
        // With several levels the live item may lie on another one than the deleted item.
        if (ns.Levels.Count > 1 && source is not null
            && await LocateAsync(ns, name, deleted: false, cancellationToken).ConfigureAwait(false) is { } live)
        {
            if (mode == StoreMode.CreateNew) throw AlreadyExists(name, "restore");
            await RenameAsync(source, live.Nested, mode, name, name, deleted: true, start, cancellationToken).ConfigureAwait(false);
            return;
        }
        await RenameAsync(source, source?[..^Suffixes.Deleted.Length], mode, name, name, deleted: true, start, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Moves an item to the level of new items, where it lies on another one.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether it had to be moved.</returns>
    public async ValueTask<bool> ChangeLevelAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        var ns = DemandWritable(FindNamespace(name), name);
        var target = NestToWrite(ns, name, ns.WriteLevel, deleted);
        var source = await LocateAsync(ns, name, deleted, cancellationToken).ConfigureAwait(false) ?? throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
        if (source.Nested == target) return false;
        await RenameAsync(source.Nested, target, StoreMode.CreateNew, name, name, deleted, start, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async ValueTask<string> ResolveDeletedTargetAsync(string name, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        if (ns.Levels.Count > 1 && await LocateAsync(ns, name, deleted: true, cancellationToken).ConfigureAwait(false) is { } existing)
            return existing.Nested;
        return NestToWrite(ns, name, DemandWritable(ns, name).WriteLevel, deleted: true);
    }

    private async ValueTask RenameAsync(string? source, string? target, StoreMode mode, string name, string newName, bool deleted,
        long start, CancellationToken cancellationToken)
    {
        try
        {
            if (source is null || target is null
                || !await _backend.MoveAsync(source, target, mode, cancellationToken).ConfigureAwait(false))
                throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists)
        {
            throw AlreadyExists(newName, deleted && name == newName ? "restore" : $"move '{name}' to");
        }
        _meter.Add(Operation.Move, start);
    }
}
