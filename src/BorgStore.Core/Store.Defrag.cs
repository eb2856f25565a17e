using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Hashing;

namespace BorgStore;

/// <content>Ranges of many items, defragmentation, quota and statistics.</content>
public sealed partial class Store
{
    private const int LookUpsAtOnce = 16;

    /// <summary>Makes one new item out of blocks of existing ones, where they lie if that is possible. The sources stay.</summary>
    /// <param name="ns">The namespace of all of them.</param>
    /// <param name="sources">The blocks in their order; names are full names.</param>
    /// <param name="algorithm">The hash of the content that becomes the key of the new item.</param>
    /// <param name="cancellationToken">Ends the wait; the new item is then there whole or not at all.</param>
    /// <returns>The full name of the new item.</returns>
    public ValueTask<string> DefragAsync(
        string ns, IReadOnlyList<Block> sources, HashKind algorithm, CancellationToken cancellationToken = default)
        => DefragAsync(ns, sources, algorithm, target: null, StoreMode.Overwrite, cancellationToken);

    /// <summary>Makes one new item out of blocks of existing ones, where they lie if that is possible. The sources stay.</summary>
    /// <param name="ns">The namespace of all of them.</param>
    /// <param name="sources">The blocks in their order; names are full names.</param>
    /// <param name="target">The full name of the new item.</param>
    /// <param name="mode">What to do where the new item exists already.</param>
    /// <param name="cancellationToken">Ends the wait; the new item is then there whole or not at all.</param>
    /// <returns>The full name of the new item.</returns>
    public ValueTask<string> DefragAsync(string ns, IReadOnlyList<Block> sources, string target,
        StoreMode mode = StoreMode.Overwrite, CancellationToken cancellationToken = default)
        => DefragAsync(ns, sources, algorithm: null, target, mode, cancellationToken);

    /// <summary>Opens ranges of items as one stream that the caller disposes, joined in the order given, with one request where the storage can.</summary>
    /// <param name="sources">The ranges, at most <see cref="Block.MaxCount"/>; names are full names. A negative offset counts from the end.</param>
    /// <param name="deleted">Whether the soft-deleted items are meant.</param>
    /// <param name="cancellationToken">A token to cancel the opening.</param>
    /// <exception cref="StoreException"><see cref="StoreError.ObjectNotFound"/> where an item is absent, <see cref="StoreError.ReadRange"/>
    /// where a range is not wholly inside its item.</exception>
    public async ValueTask<ValueStream> GatherAsync(
        IReadOnlyList<Block> sources, bool deleted = false, CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
        var start = Meter.Start();
        Block.CheckCount(sources.Count);
        var value = await _backend.GatherAsync(
            await ResolveAsync(sources, deleted, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        _meter.Add(Operation.Gather, start, value.Length);
        return value;
    }

    /// <summary>Tells the quota.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken = default)
    {
        using var pass = _gate.Enter(Url);
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
        using var pass = _gate.Enter(Url);
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
