namespace BorgStore.Backends.S3;

/// <content>Defragmentation: what is large is copied on the server, the rest passes through here.</content>
public sealed partial class S3Backend
{
    private const int LoadsAtOnce = 8;

    /// <inheritdoc/>
    public async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        request.CheckTarget();
        return await TryAsync("defragment", request.Target ?? request.Namespace, async () =>
        {
            var blocks = new SourceBlocks(this, request.Sources);
            await blocks.CheckAsync(cancellationToken).ConfigureAwait(false);
            return blocks.Length <= PartSizes.Ordinary
                ? await DefragSmallAsync(request, blocks, cancellationToken).ConfigureAwait(false)
                : await DefragLargeAsync(request, blocks, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task<string> DefragSmallAsync(DefragRequest request, SourceBlocks blocks, CancellationToken cancellationToken)
    {
        using var buffer = await PartBuffers.Uploads.RentAsync((int)blocks.Length, cancellationToken).ConfigureAwait(false);
        await blocks.FillAsync(request.Sources, buffer.Memory, cancellationToken).ConfigureAwait(false);
        var target = request.Target ?? request.NameOf(request.Algorithm!.ComputeHex(buffer.Memory.Span));
        await PutAsync(target, buffer.Memory, request.Mode, cancellationToken).ConfigureAwait(false);
        return target;
    }

    // The name has to be known before the first part is sent, so a content that makes its name is read once more for its hash.
    private async Task<string> DefragLargeAsync(DefragRequest request, SourceBlocks blocks, CancellationToken cancellationToken)
    {
        var target = request.Target ?? request.NameOf(await HashAsync(request, blocks, cancellationToken).ConfigureAwait(false));
        await UploadAsync(target, request.Mode, async upload =>
        {
            foreach (var step in DefragPlan.Make(request.Sources, PartSizes.For(blocks.Length), block => Bucket.CanCopyParts(KeyOf(block.Name))))
            {
                if (step is { IsCopy: true, Pieces: [var piece] })
                    await upload.CopyAsync(KeyOf(piece.Name), blocks.ETagOf(piece.Name), piece.Offset, piece.Length).ConfigureAwait(false);
                else
                    await upload.AddAsync((int)step.Length, buffer => blocks.FillAsync(step.Pieces, buffer, upload.CancellationToken)).ConfigureAwait(false);
            }
        }, cancellationToken).ConfigureAwait(false);
        return target;
    }

    private static async Task<string> HashAsync(DefragRequest request, SourceBlocks blocks, CancellationToken cancellationToken)
    {
        using var hasher = request.Algorithm!.CreateHasher();
        foreach (var block in request.Sources)
        {
            var stream = await blocks.OpenAsync(block, cancellationToken).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                using var buffer = await PartBuffers.Uploads.RentAsync(1 << 20, cancellationToken).ConfigureAwait(false);
                while (await stream.ReadAsync(buffer.Memory, cancellationToken).ConfigureAwait(false) is > 0 and var read)
                    hasher.Append(buffer.Memory.Span[..read]);
            }
        }
        return hasher.FinishHex();
    }

    /// <summary>The blocks of a request and what is known of their items.</summary>
    private sealed class SourceBlocks(S3Backend backend, IReadOnlyList<Block> blocks)
    {
        private readonly Dictionary<string, ObjectHead> _heads = [];

        /// <summary>How many bytes they have together.</summary>
        public long Length { get; private set; }

        public string ETagOf(string name) => _heads[name].ETag;

        /// <summary>Demands that all are wholly there, before anything is made of them.</summary>
        public async Task CheckAsync(CancellationToken cancellationToken)
        {
            await Parallel.ForEachAsync(blocks.Select(block => block.Name).Distinct(), Degree(cancellationToken), async (name, token) =>
            {
                var head = await backend.Bucket.HeadAsync(backend.KeyOf(name), token).ConfigureAwait(false)
                    ?? throw new StoreException(StoreError.ObjectNotFound, $"There is no item '{name}'; nothing was made.", name);
                lock (_heads) _heads[name] = head;
            }).ConfigureAwait(false);
            foreach (var block in blocks)
            {
                var size = _heads[block.Name].Size;
                if (block.Offset < 0 || block.Length < 0 || block.Offset > size || block.Length > size - block.Offset)
                    throw block.Outside(size);
                Length += block.Length;
            }
        }

        /// <summary>Loads pieces side by side, one after the other into a buffer.</summary>
        public async ValueTask FillAsync(IReadOnlyList<Block> pieces, Memory<byte> buffer, CancellationToken cancellationToken)
        {
            var starts = new int[pieces.Count];
            for (var i = 1; i < starts.Length; i++) starts[i] = starts[i - 1] + (int)pieces[i - 1].Length;
            await Parallel.ForAsync(0, pieces.Count, Degree(cancellationToken), async (i, token) =>
            {
                var stream = await OpenAsync(pieces[i], token).ConfigureAwait(false);
                await using (stream.ConfigureAwait(false))
                    await stream.ReadExactlyAsync(buffer.Slice(starts[i], (int)pieces[i].Length), token).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }

        /// <summary>Begins to load a piece of the version that was checked.</summary>
        public ValueTask<Stream> OpenAsync(Block piece, CancellationToken cancellationToken)
            => new ObjectVersion(backend.Bucket, backend.KeyOf(piece.Name), ETagOf(piece.Name), piece.Name).OpenAsync(piece.Offset, piece.Length, cancellationToken);

        private static ParallelOptions Degree(CancellationToken cancellationToken)
            => new() { MaxDegreeOfParallelism = LoadsAtOnce, CancellationToken = cancellationToken };
    }
}
