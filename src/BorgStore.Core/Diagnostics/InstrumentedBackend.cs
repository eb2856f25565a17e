using System.Diagnostics;
using System.Runtime.CompilerServices;
using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Diagnostics;

/// <summary>Records the calls to the storage with <see cref="StoreInstruments"/>.</summary>
/// <param name="inner">The wrapped backend.</param>
/// <param name="scheme">The scheme of its URL.</param>
internal sealed class InstrumentedBackend(IBackend inner, string scheme) : DelegatingBackend(inner)
{
    /// <summary>Wraps a backend if anybody listens; otherwise recording costs nothing.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="scheme">The scheme of its URL.</param>
    public static IBackend WrapIfEnabled(IBackend backend, string scheme)
        => StoreInstruments.IsEnabled ? new InstrumentedBackend(backend, scheme) : backend;

    /// <inheritdoc/>
    public override Task CreateAsync(CancellationToken cancellationToken) => MeasureAsync("create", () => Inner.CreateAsync(cancellationToken));

    /// <inheritdoc/>
    public override Task DestroyAsync(CancellationToken cancellationToken) => MeasureAsync("destroy", () => Inner.DestroyAsync(cancellationToken));

    /// <inheritdoc/>
    public override Task OpenAsync(CancellationToken cancellationToken) => MeasureAsync("open", () => Inner.OpenAsync(cancellationToken));

    /// <inheritdoc/>
    public override async ValueTask FlushAsync(CancellationToken cancellationToken)
        => await MeasureAsync("flush", () => Inner.FlushAsync(cancellationToken).AsTask()).ConfigureAwait(false);

    /// <inheritdoc/>
    public override ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
        => MeasureAsync("info", () => Inner.FindAsync(name, cancellationToken));

    /// <inheritdoc/>
    public override ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => MeasureAsync("load", () => Inner.LoadAsync(name, range, cancellationToken), value => value?.Length ?? 0);

    /// <inheritdoc/>
    public override ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => MeasureAsync("gather", () => Inner.GatherAsync(blocks, cancellationToken), value => value.Length);

    /// <inheritdoc/>
    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
        => await MeasureAsync("store", () => Inner.StoreAsync(name, value, mode, cancellationToken).AsTask(), value.Length).ConfigureAwait(false);

    /// <inheritdoc/>
    public override ValueOrigin? FindOrigin(string name) => Inner.FindOrigin(name);

    /// <inheritdoc/>
    public override ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
        => MeasureAsync("copy", () => Inner.CopyFromAsync(origin, name, mode, cancellationToken), size => size);

    /// <inheritdoc/>
    public override ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
        => MeasureAsync("delete", () => Inner.DeleteAsync(name, cancellationToken));

    /// <inheritdoc/>
    public override int DeleteBatchSize => Inner.DeleteBatchSize;

    /// <inheritdoc/>
    public override ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
        => MeasureAsync("delete", () => Inner.DeleteManyAsync(names, cancellationToken));

    /// <inheritdoc/>
    public override ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
        => MeasureAsync("move", () => Inner.MoveAsync(name, newName, mode, cancellationToken));

    /// <inheritdoc/>
    public override IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => MeasureAsync(Inner.ListAsync(directory, scope, prefix, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => Inner.ListRawTreeAsync(directory, after, cancellationToken) is { } items ? MeasureAsync(items, cancellationToken) : null;

    /// <inheritdoc/>
    public override ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
        => MeasureAsync("hash", () => Inner.HashAsync(name, algorithm, cancellationToken));

    /// <inheritdoc/>
    public override ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
        => MeasureAsync("defrag", () => Inner.DefragAsync(request, cancellationToken));

    private async IAsyncEnumerable<ItemInfo> MeasureAsync(IAsyncEnumerable<ItemInfo> listing, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var duration = TimeSpan.Zero;
        Exception? failure = null;
        var items = listing.GetAsyncEnumerator(cancellationToken);
        try
        {
            while (await MoveNextAsync().ConfigureAwait(false)) yield return items.Current;
        }
        finally
        {
            await items.DisposeAsync().ConfigureAwait(false);
            StoreInstruments.Record("list", scheme, duration, 0, failure);
        }

        async ValueTask<bool> MoveNextAsync()
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                return await items.MoveNextAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                failure = e;
                throw;
            }
            finally
            {
                duration += Stopwatch.GetElapsedTime(start);
            }
        }
    }

    // A call whose number of bytes is null did nothing: the caller does it in another way, which is measured.
    private async ValueTask<T> MeasureAsync<T>(string operation, Func<ValueTask<T>> call, Func<T, long?>? getBytes = null)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            var result = await call().ConfigureAwait(false);
            if ((getBytes is null ? 0 : getBytes(result)) is { } bytes) StoreInstruments.Record(operation, scheme, Stopwatch.GetElapsedTime(start), bytes, failure: null);
            return result;
        }
        catch (Exception e)
        {
            StoreInstruments.Record(operation, scheme, Stopwatch.GetElapsedTime(start), 0, e);
            throw;
        }
    }

    private async Task MeasureAsync(string operation, Func<Task> call, long bytes = 0)
        => await MeasureAsync<long>(operation, async () =>
        {
            await call().ConfigureAwait(false);
            return bytes;
        }, moved => moved).ConfigureAwait(false);
}
