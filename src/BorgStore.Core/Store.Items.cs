using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <content>Operations on items: find, load, store, hash, move, delete, list and defragment.</content>
public sealed partial class Store
{
    /// <summary>Finds an item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The item, or <see langword="null"/> if there is none.</returns>
    public async ValueTask<StoreItem?> FindAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var ns = FindNamespace(name);
        var found = await LocateAsync(ns, name, deleted, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Info, start);
        return found is { } item
            ? new(name, ns.Name, item.Info.Size, deleted, item.Level, item.Info.LastAccessTime, item.Info.LastWriteTime, item.Info.DeletedTime)
            : null;
    }

    /// <summary>Gets information about an item. Throws <see cref="StoreException"/> if there is none.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<StoreItem> GetInfoAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
        => await FindAsync(name, deleted, cancellationToken).ConfigureAwait(false) ?? throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);

    /// <summary>Loads a value or a part of it into memory.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="range">The part to load; the whole value by default.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<byte[]> LoadAsync(
        string name, ByteRange range = default, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var value = await LoadNestedAsync(name, range, deleted, cancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false))
        {
            var bytes = await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            _meter.Add(Operation.Load, start, bytes.Length);
            return bytes;
        }
    }

    /// <summary>Opens a value or a part of it as a stream, which the caller disposes.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="range">The part to load; the whole value by default.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<ValueStream> OpenReadAsync(
        string name, ByteRange range = default, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var value = await LoadNestedAsync(name, range, deleted, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Load, start, value.Length);
        return value;
    }

    /// <summary>Stores a value. An existing item is replaced at its level; a new one is stored at the last level.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">What to do if the item already exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the value is then stored completely or not at all.</param>
    public async ValueTask StoreAsync(
        string name, StoreValue value, StoreMode mode = StoreMode.Overwrite, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
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

    /// <summary>Stores the value of a soft-deleted item, as in a copy of another store. An existing soft-deleted item is replaced at its level; the live
    /// one of the name stays.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">What to do if the soft-deleted item already exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the value is then stored completely or not at all.</param>
    public async ValueTask StoreDeletedAsync(
        string name, StoreValue value, StoreMode mode = StoreMode.Overwrite, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var nested = await ResolveDeletedTargetAsync(name, cancellationToken).ConfigureAwait(false);
        await CheckGivenLevelsAsync(FindNamespace(name), name, cancellationToken).ConfigureAwait(false);
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

    /// <summary>Copies an item of another store, or of this one, if the storage itself can do that.</summary>
    /// <param name="source">The store to copy from.</param>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether to copy the soft-deleted item.</param>
    /// <param name="newName">The full name of the copy.</param>
    /// <param name="staysDeleted">Whether the copy is soft-deleted.</param>
    /// <param name="mode">What to do if the item already exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the copy then exists completely or not at all.</param>
    /// <returns>The size of the value [bytes], or <see langword="null"/> if nothing was copied. Then loading and storing the value does what is wanted,
    /// or explains what is wrong.</returns>
    internal async ValueTask<long?> CopyFromAsync(
        Store source, string name, bool deleted, string newName, bool staysDeleted, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        using var reading = source._gate.Enter(cancellationToken);
        var start = Meter.Start();
        var copying = false;
        try
        {
            if (await source.ResolveAsync(source.FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false) is not { } nested
                || source._backend.FindOrigin(nested) is not { } origin) return null;
            var target = staysDeleted ? await ResolveDeletedTargetAsync(newName, cancellationToken).ConfigureAwait(false)
                : await ResolveToWriteAsync(newName, mode, cancellationToken).ConfigureAwait(false);
            if (staysDeleted) await CheckGivenLevelsAsync(FindNamespace(newName), newName, cancellationToken).ConfigureAwait(false);
            copying = true;
            if (await _backend.CopyFromAsync(origin, target, mode, cancellationToken).ConfigureAwait(false) is not { } size) return null;
            _meter.Add(Operation.Copy, start, size);
            return size;
        }
        catch (StoreException e) when (copying && e.Error == StoreError.ObjectAlreadyExists && mode == StoreMode.CreateNew)
        {
            throw AlreadyExists(newName, "store");
        }
        catch (StoreException e) when (!copying || e.Error is StoreError.PermissionDenied or StoreError.NotSupported or StoreError.ObjectNotFound or StoreError.BackendFailure)
        {
            // Neither name may be valid, or the storage does not copy between these two.
            return null;
        }
    }

    /// <summary>Deletes an item permanently.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask DeleteAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var nested = await ResolveAsync(FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false);
        var found = nested is not null && await _backend.DeleteAsync(nested, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Delete, start);
        if (!found) throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The number of items that <see cref="DeleteManyAsync"/> deletes with one
    /// request to the storage; 1 if it is no faster than <see cref="DeleteAsync"/>.</summary>
    public int DeleteBatchSize => _backend.DeleteBatchSize;

    /// <summary>Deletes listed items permanently. An item that no longer exists is not a failure, and a failure does not stop the rest.</summary>
    /// <param name="items">The items; their level and soft deletion determine where they are looked for.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The items that could not be deleted, by their full names.</returns>
    public async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(
        IReadOnlyList<StoreItem> items, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var names = new Dictionary<string, string>(items.Count);
        foreach (var item in items) names[NestToRead(item.Name, item.Level, item.IsDeleted)] = item.Name;
        var failures = await _backend.DeleteManyAsync([.. names.Keys], cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Delete, start);
        return [.. failures.Select(failure => failure with { Name = names[failure.Name] })];
    }

    /// <summary>Computes the hash of a value, in the storage itself if it can.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The digest in lower-case hex.</returns>
    public async ValueTask<string> HashAsync(
        string name, HashKind algorithm, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var nested = await ResolveAsync(FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false);
        var digest = nested is null ? null : await _backend.HashAsync(nested, algorithm, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Hash, start);
        return digest ?? throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ValueStream> LoadNestedAsync(string name, ByteRange range, bool deleted, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        // Loading detects a missing item as well as a lookup would, and saves a call.
        foreach (var level in ns.Levels)
        {
            var nested = NestToRead(name, level, deleted);
            if (await _backend.LoadAsync(nested, range, cancellationToken).ConfigureAwait(false) is { } value) return value;
            if (!Nesting.Fits(name, level)) break;
        }
        throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);
    }

    // The nested name to write a value to: that of the existing item, or else one at the last level.
    private async ValueTask<string> ResolveToWriteAsync(string name, StoreMode mode, CancellationToken cancellationToken)
    {
        var ns = FindNamespace(name);
        if (ns.Levels.Count > 1 && await LocateAsync(ns, name, deleted: false, cancellationToken).ConfigureAwait(false) is { } existing)
            return mode == StoreMode.CreateNew ? throw AlreadyExists(name, "store") : existing.Nested;
        var nested = NestToWrite(ns, name, EnsureWritable(ns, name).WriteLevel);
        await CheckGivenLevelsAsync(ns, name, cancellationToken).ConfigureAwait(false);
        return nested;
    }

    /// <summary>Renames an item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="newName">The new full name.</param>
    /// <param name="mode">What to do if there is already an item of the new name.</param>
    /// <param name="deleted">Whether to rename the soft-deleted item; it stays soft-deleted.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask MoveAsync(string name, string newName, StoreMode mode = StoreMode.Overwrite, bool deleted = false,
        CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var target = deleted ? await ResolveDeletedTargetAsync(newName, cancellationToken).ConfigureAwait(false)
            : await ResolveToWriteAsync(newName, mode, cancellationToken).ConfigureAwait(false);
        var source = await ResolveAsync(FindNamespace(name), name, deleted, cancellationToken).ConfigureAwait(false);
        await RenameAsync(source, target, mode, name, newName, deleted, start, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Soft-deletes an item, so that it can be restored. A soft-deleted item of the same name is replaced.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask SoftDeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var source = await ResolveAsync(FindNamespace(name), name, deleted: false, cancellationToken).ConfigureAwait(false);
        await RenameAsync(source, source + Suffixes.Deleted, StoreMode.Overwrite, name, name, deleted: false, start, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Restores a soft-deleted item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="mode">What to do if there is already a live item of the name.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask UndeleteAsync(
        string name, StoreMode mode = StoreMode.CreateNew, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var ns = FindNamespace(name);
        var source = await ResolveAsync(ns, name, deleted: true, cancellationToken).ConfigureAwait(false);
        // With several levels the live item may be at another level than the deleted one.
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

    /// <summary>Moves an item to the level for new items if it is at another one.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether to use the soft-deleted item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it had to be moved.</returns>
    public async ValueTask<bool> ChangeLevelAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var ns = EnsureWritable(FindNamespace(name), name);
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
        return NestToWrite(ns, name, EnsureWritable(ns, name).WriteLevel, deleted: true);
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

    /// <summary>Lists the items of a namespace at all its levels, sorted within each directory. The
    /// listing starts at once and keeps the names of at most one directory in memory.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="selection">Which items to list.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public IAsyncEnumerable<StoreItem> ListAsync(
        string ns, ItemSelection selection = ItemSelection.Live, CancellationToken cancellationToken = default)
        => ListAsync(GetRequiredNamespace(ns), "", selection, cancellationToken);

    /// <summary>Lists the items of a namespace whose keys start with a prefix. Only the directories that can
    /// hold such items, at the levels of the namespace, are listed, or where the storage can select them itself, only the items.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="prefix">The start of the keys; <c>""</c> for all.</param>
    /// <param name="selection">Which items to list.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public IAsyncEnumerable<StoreItem> ListAsync(
        string ns, string prefix, ItemSelection selection = ItemSelection.Live, CancellationToken cancellationToken = default)
        => prefix.Length == 0 ? ListAsync(ns, selection, cancellationToken) : ListByPrefixAsync(GetRequiredNamespace(ns), prefix, selection, cancellationToken);

    /// <summary>Lists the items of all known namespaces, one namespace after another.</summary>
    /// <param name="selection">Which items to list.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<StoreItem> ListAllAsync(
        ItemSelection selection = ItemSelection.Live, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var ns in Layout.Namespaces)
        {
            await foreach (var item in ListAsync(ns, "", selection, cancellationToken).ConfigureAwait(false)) yield return item;
        }
    }

    /// <summary>Lists temporary items that crashes left behind.</summary>
    /// <param name="olderThan">The least time since the last write to such an item.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken = default)
        => _backend.ListTemporaryAsync(olderThan, cancellationToken);

    /// <summary>Deletes a temporary item that a crash left behind.</summary>
    /// <param name="item">An item from <see cref="ListTemporaryAsync"/>.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it still existed.</returns>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        return await _backend.DeleteTemporaryAsync(item, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<StoreItem> ListByPrefixAsync(
        NamespaceLayout ns, string prefix, ItemSelection selection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isEmpty = true;
        await foreach (var item in ListAsync(ns, prefix, selection, cancellationToken).ConfigureAwait(false))
        {
            isEmpty = false;
            yield return item;
        }
        // Levels that were given wrong make items inaccessible, but listings show them.
        if (!isEmpty || !await MayBeAtOtherLevelAsync(ns, prefix, cancellationToken).ConfigureAwait(false)) yield break;
        await foreach (var item in ListAsync(ns, "", selection, cancellationToken).ConfigureAwait(false))
            if (item.Key.StartsWith(prefix, StringComparison.Ordinal)) yield return item;
    }

    private async IAsyncEnumerable<StoreItem> ListAsync(
        NamespaceLayout ns, string keyPrefix, ItemSelection selection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _meter.AddCall(Operation.List);
        var prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";
        // Namespaces inside this one have levels of their own and are listed separately.
        var others = Layout.Namespaces.Where(other => other != ns && other.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(other => other.Name[prefix.Length..] + "/").ToArray();

        var listing = keyPrefix.Length == 0
            ? _backend.ListAsync(ns.Name, ListScope.Tree, cancellationToken)
            : PrefixListing.ListAsync(_backend, ns, keyPrefix, others, cancellationToken);
        var items = listing.GetAsyncEnumerator(cancellationToken);
        await using (items.ConfigureAwait(false))
        {
            while (await MoveNextAsync(items, ns.Name).ConfigureAwait(false))
            {
                var path = items.Current.Name;
                if (others.Length > 0 && Array.Exists(others, other => path.StartsWith(other, StringComparison.Ordinal))) continue;

                var (key, level, isDeleted) = Nesting.Unnest(path);
                if (!key.StartsWith(keyPrefix, StringComparison.Ordinal)) continue;
                if (!IsUsable(ns, key))
                {
                    Interlocked.Increment(ref _foreignNames);
                    continue;
                }
                if (selection != ItemSelection.All && isDeleted != (selection == ItemSelection.Deleted)) continue;
                if (!ItemName.IsPortable(prefix.Length == 0 ? path : prefix + path)) Interlocked.Increment(ref _foreignNames);
                yield return new(prefix + key, ns.Name, items.Current.Size, isDeleted, level,
                    items.Current.LastAccessTime, items.Current.LastWriteTime, items.Current.DeletedTime);
            }
        }
    }

    // Whether an item with this key can be accessed by its name.
    private static bool IsUsable(NamespaceLayout ns, string key)
        => key.Length > 0 && key[^1] != '/' && !key.EndsWith(Suffixes.Deleted, StringComparison.Ordinal)
            && (ns.Levels.Contains(0) || !key.Contains('/'));

    // Only the storage's time is counted, not the caller's between two items. A known namespace that is still empty has no directory.
    private async ValueTask<bool> MoveNextAsync(IAsyncEnumerator<ItemInfo> items, string ns)
    {
        using var operation = _gate.Enter(CancellationToken.None);
        var start = Meter.Start();
        try
        {
            return await items.MoveNextAsync().ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectNotFound)
        {
            return false;
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain(ns.Length == 0 ? $"list the store '{Url}'" : $"list the namespace '{ns}'", ns.Length == 0 ? Url : ns);
        }
        finally
        {
            _meter.AddTime(Operation.List, start);
        }
    }

    private const int LookUpsAtOnce = 16;

    /// <summary>Makes a new item from blocks of existing ones, in the storage itself if it can. The sources stay.</summary>
    /// <param name="ns">The namespace of the sources and the new item.</param>
    /// <param name="sources">The blocks, in order; names are full names.</param>
    /// <param name="algorithm">The hash of the content, which becomes the key of the new item.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the new item then exists completely or not at all.</param>
    /// <returns>The full name of the new item.</returns>
    public ValueTask<string> DefragAsync(
        string ns, IReadOnlyList<Block> sources, HashKind algorithm, CancellationToken cancellationToken = default)
        => DefragAsync(ns, sources, algorithm, target: null, StoreMode.Overwrite, cancellationToken);

    /// <summary>Makes a new item from blocks of existing ones, in the storage itself if it can. The sources stay.</summary>
    /// <param name="ns">The namespace of the sources and the new item.</param>
    /// <param name="sources">The blocks, in order; names are full names.</param>
    /// <param name="target">The full name of the new item.</param>
    /// <param name="mode">What to do if the new item already exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the new item then exists completely or not at all.</param>
    /// <returns>The full name of the new item.</returns>
    public ValueTask<string> DefragAsync(string ns, IReadOnlyList<Block> sources, string target,
        StoreMode mode = StoreMode.Overwrite, CancellationToken cancellationToken = default)
        => DefragAsync(ns, sources, algorithm: null, target, mode, cancellationToken);

    /// <summary>Opens ranges of items, joined in the order given, as one stream, which
    /// the caller disposes. Uses a single request if the storage supports it.</summary>
    /// <param name="sources">The ranges, at most <see cref="Block.MaxCount"/>; names are full names. A negative offset counts from the end.</param>
    /// <param name="deleted">Whether to use the soft-deleted items.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <exception cref="StoreException"><see cref="StoreError.ObjectNotFound"/> if an item does not
    /// exist, <see cref="StoreError.ReadRange"/> if a range is not entirely inside its item.</exception>
    public async ValueTask<ValueStream> GatherAsync(
        IReadOnlyList<Block> sources, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        Block.CheckCount(sources.Count);
        var value = await _backend.GatherAsync(
            await ResolveAsync(sources, deleted, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Gather, start, value.Length);
        return value;
    }

    /// <summary>Gets the quota.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        return await _backend.GetQuotaAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The number of calls that may have changed something, since the statistics were last reset.</summary>
    internal long ChangeCount
        => _meter.Read(Operation.Store).Calls + _meter.Read(Operation.Delete).Calls + _meter.Read(Operation.Move).Calls + _meter.Read(Operation.Defrag).Calls
            + _meter.Read(Operation.Copy).Calls;

    /// <summary>Returns the statistics since the store was opened or they were last reset.</summary>
    public StoreStatistics GetStatistics()
        => new([.. Enum.GetValues<Operation>().Select(_meter.Read)], [.. Enum.GetValues<Operation>().Select(_backendMeter.Read)],
            Interlocked.Read(ref _foreignNames))
        {
            Cache = _cacheMeter?.Read() ?? default,
        };

    /// <summary>Resets the statistics.</summary>
    public void ResetStatistics()
    {
        _meter.Reset();
        _backendMeter.Reset();
        _cacheMeter?.Reset();
        Interlocked.Exchange(ref _foreignNames, 0);
    }

    private async ValueTask<string> DefragAsync(string ns, IReadOnlyList<Block> sources, HashKind? algorithm, string? target,
        StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = _gate.Enter(cancellationToken);
        var start = Meter.Start();
        var layout = GetRequiredNamespace(ns);
        if (sources.Count == 0)
            throw new StoreException(StoreError.InvalidArgument, "There are no blocks to create an item from. Specify at least one source.", ns);

        foreach (var source in sources)
        {
            if (source.Offset < 0 || source.Length < 0)
                throw new StoreException(StoreError.InvalidArgument,
                    $"The block of '{source.Name}' has offset {source.Offset} and length {source.Length}; neither may be negative.", source.Name);
            if (Layout.Find(source.Name) != layout)
                throw new StoreException(StoreError.InvalidArgument,
                    $"'{source.Name}' is not in namespace '{layout.Name}'; all blocks must come from the namespace of the new item.", source.Name);
        }
        var blocks = await ResolveAsync(sources, deleted: false, cancellationToken).ConfigureAwait(false);

        var request = new DefragRequest(blocks) { Mode = mode };
        if (target is not null)
        {
            if (Layout.Find(target) != layout)
                throw new StoreException(StoreError.InvalidArgument, $"The new item '{target}' is not in namespace '{layout.Name}'.", target);
            request = request with { Target = await ResolveToWriteAsync(target, mode, cancellationToken).ConfigureAwait(false) };
        }
        else
        {
            request = request with { Algorithm = algorithm, Namespace = layout.Name, Levels = EnsureWritable(layout, layout.Name).WriteLevel };
        }

        var nestedTarget = await _backend.DefragAsync(request, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Defrag, start);
        return target ?? Join(layout.Name, nestedTarget[(nestedTarget.LastIndexOf('/') + 1)..]);
    }

    // Returns the blocks with nested names. If a namespace has several levels, each of its items is looked up once.
    private async ValueTask<IReadOnlyList<Block>> ResolveAsync(IReadOnlyList<Block> sources, bool deleted, CancellationToken cancellationToken)
    {
        var nested = new ConcurrentDictionary<string, string>();
        var searched = new HashSet<string>();
        foreach (var source in sources)
        {
            var ns = FindNamespace(source.Name);
            if (ns.Levels.Count > 1 && source.Length != 0) searched.Add(source.Name);
            else if (!nested.ContainsKey(source.Name)) nested[source.Name] = NestToRead(source.Name, ns.WriteLevel, deleted);
        }
        if (searched.Count > 0)
            await Parallel.ForEachAsync(searched, new ParallelOptions { MaxDegreeOfParallelism = LookUpsAtOnce, CancellationToken = cancellationToken }, async (name, token) =>
                nested[name] = await ResolveAsync(FindNamespace(name), name, deleted, token).ConfigureAwait(false) ?? throw NotFound(name, deleted)).ConfigureAwait(false);
        return [.. sources.Select(source => source with { Name = nested[source.Name] })];
    }

    private static string Join(string ns, string key) => ns.Length == 0 ? key : $"{ns}/{key}";
}
