namespace BorgStore.Backends.Rclone;

/// <content>Defragmentation.</content>
internal sealed partial class RcloneBackend
{
    private const int LookUpsUnderWay = 16;

    /// <inheritdoc/>
    public async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        request.CheckTarget();
        await CheckBlocksAsync(request.Sources, cancellationToken).ConfigureAwait(false);

        // No remote puts blocks together by itself, so that they come through here; the name follows from them where it is a hash.
        using var hasher = request.Target is null ? request.Algorithm!.CreateHasher() : null;
        var blocks = new BlockStream(LoadValueAsync, request.Sources, hasher);
        await using (blocks.ConfigureAwait(false))
        {
            var name = request.Target;
            await StoreByMoveAsync(name ?? request.Directory + "new", () => name ??= request.NameOf(hasher!.FinishHex()),
                new StoreValue(blocks, blocks.Length), request.Mode, cancellationToken).ConfigureAwait(false);
            return name!;
        }
    }

    private async Task CheckBlocksAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = LookUpsUnderWay, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(blocks.GroupBy(block => block.Name), options, async (source, token) =>
        {
            var size = await LookUpAsync(source.Key, token).ConfigureAwait(false) is { IsDirectory: false } item
                ? item.Size
                : throw new StoreException(StoreError.ObjectNotFound, $"Could not defragment: there is no item '{source.Key}'.", source.Key);
            foreach (var block in source)
                if (block.Offset < 0 || block.Length < 0 || block.Offset > size - block.Length)
                    throw block.Outside(size);
        }).ConfigureAwait(false);
    }
}
