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
    {
        // A small value is sent in one piece, after waiting for its turn.
        if (value.IsInMemory && value.Length <= limit.Piece) await limit.TakeAsync(value.Length, cancellationToken).ConfigureAwait(false);
        else value = value.LimitTo(limit);
        await Inner.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
    }
}
