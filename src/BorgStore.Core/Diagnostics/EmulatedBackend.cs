using System.Diagnostics;
using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Diagnostics;

/// <summary>Makes a fast storage as slow as a remote one: each call takes at least the latency plus the time to transfer its bytes.</summary>
/// <remarks>A remote storage has no values in common with a local one, so no values are copied without being transferred.</remarks>
/// <param name="inner">The wrapped backend.</param>
/// <param name="latency">The minimum duration of a call.</param>
/// <param name="bandwidth">The transfer rate [bit/s]; <see langword="null"/> for no limit.</param>
internal sealed class EmulatedBackend(IBackend inner, TimeSpan latency, long? bandwidth) : DelegatingBackend(inner)
{
    // The resolution of timers.
    private static readonly TimeSpan MinDelay = TimeSpan.FromMilliseconds(2);

    public override async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var info = await base.FindAsync(name, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return info;
    }

    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var value = await base.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, value?.Length ?? 0, cancellationToken).ConfigureAwait(false);
        return value;
    }

    public override async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var value = await base.GatherAsync(blocks, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, value.Length, cancellationToken).ConfigureAwait(false);
        return value;
    }

    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        await base.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, value.Length, cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var deleted = await base.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return deleted;
    }

    public override int DeleteBatchSize => Inner.DeleteBatchSize;

    public override async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var failures = await Inner.DeleteManyAsync(names, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return failures;
    }

    public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var moved = await base.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return moved;
    }

    public override IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => SlowDownAsync(Inner.ListAsync(directory, scope, prefix, cancellationToken), cancellationToken);

    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => Inner.ListRawTreeAsync(directory, after, cancellationToken) is { } items ? SlowDownAsync(items, cancellationToken) : null;

    public override async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var digest = await base.HashAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return digest;
    }

    public override async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var target = await base.DefragAsync(request, cancellationToken).ConfigureAwait(false);
        await SlowDownAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return target;
    }

    // Once per call, not once per item.
    private async IAsyncEnumerable<ItemInfo> SlowDownAsync(IAsyncEnumerable<ItemInfo> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await SlowDownAsync(Stopwatch.GetTimestamp(), 0, cancellationToken).ConfigureAwait(false);
        await foreach (var item in items.WithCancellation(cancellationToken).ConfigureAwait(false)) yield return item;
    }

    private async ValueTask SlowDownAsync(long start, long volume, CancellationToken cancellationToken)
    {
        var emulated = latency + (bandwidth is { } bits ? TimeSpan.FromSeconds(volume * 8.0 / bits) : TimeSpan.Zero);
        var left = emulated - Stopwatch.GetElapsedTime(start);
        if (left > MinDelay) await Task.Delay(left, cancellationToken).ConfigureAwait(false);
        while (Stopwatch.GetElapsedTime(start) < emulated) Thread.SpinWait(20);
    }
}
