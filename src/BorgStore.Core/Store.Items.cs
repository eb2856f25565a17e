using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore;

/// <content>The items: find, load, store, hash, move, delete, list and defragment them.</content>
public sealed partial class Store
{
    /// <summary>Finds an item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>The item, or <see langword="null"/> where there is none.</returns>
    public async ValueTask<StoreItem?> FindAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
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
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<StoreItem> GetInfoAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
        => await FindAsync(name, deleted, cancellationToken).ConfigureAwait(false) ?? throw await NotFoundAsync(name, deleted, cancellationToken).ConfigureAwait(false);

    /// <summary>Loads a value, or a part of it, into memory.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="range">Which part; the whole value by default.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
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

    /// <summary>Begins to load a value, or a part of it, as a stream that the caller disposes.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="range">Which part; the whole value by default.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
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

    /// <summary>Stores a value. An existing item is replaced on the level where it lies; a new one goes to the last level.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">What to do where the item exists already.</param>
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

    /// <summary>Deletes an item for good.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
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

    /// <summary>How many items <see cref="DeleteManyAsync"/> deletes with one request of the storage; 1 where it is no better than
    /// <see cref="DeleteAsync"/>.</summary>
    public int DeleteBatchSize => _backend.DeleteBatchSize;

    /// <summary>Deletes items of a listing for good. One that is gone by now is no failure, and none ends the rest.</summary>
    /// <param name="items">The items; where they lie is taken from them.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Those that are still there, by their full names.</returns>
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

    /// <summary>Computes the hash of a value, where the value lies if that is possible.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant.</param>
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

    /// <summary>Renames an item.</summary>
    /// <param name="name">The full name.</param>
    /// <param name="newName">The new full name.</param>
    /// <param name="mode">What to do where an item of the new name exists already.</param>
    /// <param name="deleted">Whether the soft-deleted item is meant; it stays soft-deleted.</param>
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

    /// <summary>Deletes an item so that it can be restored. A soft-deleted item of the same name is replaced.</summary>
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
    /// <param name="mode">What to do where a live item of the name exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask UndeleteAsync(
        string name, StoreMode mode = StoreMode.CreateNew, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
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
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it had to be moved.</returns>
    public async ValueTask<bool> ChangeLevelAsync(string name, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
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

    /// <summary>Lists the items of a namespace with all its levels, sorted within each directory. Begins at once and holds one
    /// directory's names at most.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="selection">Which items.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public IAsyncEnumerable<StoreItem> ListAsync(
        string ns, ItemSelection selection = ItemSelection.Live, CancellationToken cancellationToken = default)
        => ListAsync(DemandNamespace(ns), selection, cancellationToken);

    /// <summary>Lists the items of all known namespaces, one namespace after the other.</summary>
    /// <param name="selection">Which items.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async IAsyncEnumerable<StoreItem> ListAllAsync(
        ItemSelection selection = ItemSelection.Live, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var ns in Layout.Namespaces)
        {
            await foreach (var item in ListAsync(ns, selection, cancellationToken).ConfigureAwait(false)) yield return item;
        }
    }

    /// <summary>Lists what crashes left unfinished.</summary>
    /// <param name="olderThan">How long nothing may have been written to it.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken = default)
        => _backend.ListTemporaryAsync(olderThan, cancellationToken);

    /// <summary>Removes what a crash left.</summary>
    /// <param name="item">What <see cref="ListTemporaryAsync"/> found.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Whether it was still there.</returns>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        return await _backend.DeleteTemporaryAsync(item, cancellationToken).ConfigureAwait(false);
    }

    private async IAsyncEnumerable<StoreItem> ListAsync(
        NamespaceLayout ns, ItemSelection selection, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _meter.AddCall(Operation.List);
        var prefix = ns.Name.Length == 0 ? "" : ns.Name + "/";
        // Namespaces within this one have levels of their own and are listed under their own name.
        var others = Layout.Namespaces.Where(other => other != ns && other.Name.StartsWith(prefix, StringComparison.Ordinal))
            .Select(other => other.Name[prefix.Length..] + "/").ToArray();

        var items = _backend.ListAsync(ns.Name, ListScope.Tree, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (items.ConfigureAwait(false))
        {
            while (await MoveNextAsync(items, ns.Name).ConfigureAwait(false))
            {
                var path = items.Current.Name;
                if (others.Length > 0 && Array.Exists(others, other => path.StartsWith(other, StringComparison.Ordinal))) continue;

                var (key, level, isDeleted) = Nesting.Unnest(path);
                if (!IsUsable(ns, key))
                {
                    Interlocked.Increment(ref _foreignNames);
                    continue;
                }
                if (selection != ItemSelection.All && isDeleted != (selection == ItemSelection.Deleted)) continue;
                if (!ItemName.IsPortable(prefix.Length == 0 ? path : prefix + path)) Interlocked.Increment(ref _foreignNames);
                yield return new(prefix + key, ns.Name, items.Current.Size, isDeleted, level,
                    items.Current.LastAccessTime, items.Current.LastWriteTime);
            }
        }
    }

    // Whether an item of that key can be asked for by its name.
    private static bool IsUsable(NamespaceLayout ns, string key)
        => key.Length > 0 && key[^1] != '/' && !key.EndsWith(Suffixes.Deleted, StringComparison.Ordinal)
            && (ns.Levels.Contains(0) || !key.Contains('/'));

    // Only the time that the storage needs is counted, not what the caller does between two items. A namespace that is known
    // but holds nothing yet has no directory.
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

    /// <summary>Makes one new item out of blocks of existing ones, where they lie if that is possible. The sources stay.</summary>
    /// <param name="ns">The namespace of all of them.</param>
    /// <param name="sources">The blocks in their order; names are full names.</param>
    /// <param name="algorithm">The hash of the content that becomes the key of the new item.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the new item then exists completely or not at all.</param>
    /// <returns>The full name of the new item.</returns>
    public ValueTask<string> DefragAsync(
        string ns, IReadOnlyList<Block> sources, HashKind algorithm, CancellationToken cancellationToken = default)
        => DefragAsync(ns, sources, algorithm, target: null, StoreMode.Overwrite, cancellationToken);

    /// <summary>Makes one new item out of blocks of existing ones, where they lie if that is possible. The sources stay.</summary>
    /// <param name="ns">The namespace of all of them.</param>
    /// <param name="sources">The blocks in their order; names are full names.</param>
    /// <param name="target">The full name of the new item.</param>
    /// <param name="mode">What to do where the new item exists already.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the new item then exists completely or not at all.</param>
    /// <returns>The full name of the new item.</returns>
    public ValueTask<string> DefragAsync(string ns, IReadOnlyList<Block> sources, string target,
        StoreMode mode = StoreMode.Overwrite, CancellationToken cancellationToken = default)
        => DefragAsync(ns, sources, algorithm: null, target, mode, cancellationToken);

    /// <summary>Opens ranges of items as one stream that the caller disposes, joined in the order given, with one request where the storage can.</summary>
    /// <param name="sources">The ranges, at most <see cref="Block.MaxCount"/>; names are full names. A negative offset counts from the end.</param>
    /// <param name="deleted">Whether the soft-deleted items are meant.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <exception cref="StoreException"><see cref="StoreError.ObjectNotFound"/> where an item is absent, <see cref="StoreError.ReadRange"/>
    /// where a range is not wholly inside its item.</exception>
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

    /// <summary>Tells the quota.</summary>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    public async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken = default)
    {
        using var operation = _gate.Enter(cancellationToken);
        return await _backend.GetQuotaAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What was counted since the store was opened or the statistics were reset.</summary>
    public StoreStatistics GetStatistics()
        => new([.. Enum.GetValues<Operation>().Select(_meter.Read)], [.. Enum.GetValues<Operation>().Select(_backendMeter.Read)],
            Interlocked.Read(ref _foreignNames))
        {
            Cache = _cacheMeter?.Read() ?? default,
        };

    /// <summary>Begins the statistics anew.</summary>
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
        var layout = DemandNamespace(ns);
        if (sources.Count == 0)
            throw new StoreException(StoreError.InvalidArgument, "There are no blocks to make an item of. Name at least one source.", ns);

        foreach (var source in sources)
        {
            if (source.Offset < 0 || source.Length < 0)
                throw new StoreException(StoreError.InvalidArgument,
                    $"The block of '{source.Name}' has offset {source.Offset} and length {source.Length}; neither may be negative.", source.Name);
            if (Layout.Find(source.Name) != layout)
                throw new StoreException(StoreError.InvalidArgument,
                    $"'{source.Name}' does not lie in namespace '{layout.Name}'; all blocks come from the namespace of the new item.", source.Name);
        }
        var blocks = await ResolveAsync(sources, deleted: false, cancellationToken).ConfigureAwait(false);

        var request = new DefragRequest(blocks) { Mode = mode };
        if (target is not null)
        {
            if (Layout.Find(target) != layout)
                throw new StoreException(StoreError.InvalidArgument, $"The new item '{target}' does not lie in namespace '{layout.Name}'.", target);
            request = request with { Target = await ResolveToWriteAsync(target, mode, cancellationToken).ConfigureAwait(false) };
        }
        else
        {
            request = request with { Algorithm = algorithm, Namespace = layout.Name, Levels = DemandWritable(layout, layout.Name).WriteLevel };
        }

        var nestedTarget = await _backend.DefragAsync(request, cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Defrag, start);
        return target ?? Join(layout.Name, nestedTarget[(nestedTarget.LastIndexOf('/') + 1)..]);
    }

    // The blocks with nested names. Where a namespace has several levels, each item is looked for once.
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
