namespace BorgStore.Backends;

/// <summary>Limits the rate at which values are loaded and stored, both together. What the storage does by itself is not limited.</summary>
/// <param name="inner">The wrapped backend.</param>
/// <param name="limit">The limit.</param>
internal sealed class ThrottledBackend(IBackend inner, RateLimit limit) : DelegatingBackend(inner)
{
    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false) is { } value ? new ThrottledStream(value, limit) : null;

    public override async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => new ThrottledStream(await Inner.GatherAsync(blocks, cancellationToken).ConfigureAwait(false), limit);

    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
        => await Inner.StoreAsync(name, await limit.ApplyAsync(value, cancellationToken).ConfigureAwait(false), mode, cancellationToken).ConfigureAwait(false);

    public override ValueOrigin? FindOrigin(string name) => Inner.FindOrigin(name);

    public override ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
        => Inner.CopyFromAsync(origin, name, mode, cancellationToken);

    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => Inner.ListRawTreeAsync(directory, after, cancellationToken);
}
