using BorgStore.Backends;

namespace BorgStore.Diagnostics;

/// <summary>Counts the calls to the storage.</summary>
/// <param name="inner">The wrapped backend.</param>
/// <param name="meter">The counters.</param>
internal sealed class MeteredBackend(IBackend inner, Meter meter) : DelegatingBackend(inner)
{
    public override async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var info = await base.FindAsync(name, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Info, start);
        return info;
    }

    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var value = await base.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Load, start, value?.Length ?? 0);
        return value;
    }

    public override async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var value = await base.GatherAsync(blocks, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Gather, start, value.Length);
        return value;
    }

    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        await base.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Store, start, value.Length);
    }

    public override ValueOrigin? FindOrigin(string name) => Inner.FindOrigin(name);

    public override async ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var size = await Inner.CopyFromAsync(origin, name, mode, cancellationToken).ConfigureAwait(false);
        if (size is { } copied) meter.Add(Operation.Copy, start, copied);
        return size;
    }

    public override async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var deleted = await base.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Delete, start);
        return deleted;
    }

    public override int DeleteBatchSize => Inner.DeleteBatchSize;

    public override async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var failures = await Inner.DeleteManyAsync(names, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Delete, start);
        return failures;
    }

    public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        var start = Meter.Start();
        var moved = await base.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);
        meter.Add(Operation.Move, start);
        return moved;
    }

    public override IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
    {
        meter.AddCall(Operation.List);
        return base.ListAsync(directory, scope, prefix, cancellationToken);
    }

    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
    {
        var items = Inner.ListRawTreeAsync(directory, after, cancellationToken);
        if (items is not null) meter.AddCall(Operation.List);
        return items;
    }
}
