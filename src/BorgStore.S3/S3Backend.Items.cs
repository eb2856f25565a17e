using Amazon.Runtime;
using Amazon.S3.Model;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.S3.Values;
using BorgStore.Hashing;

namespace BorgStore.Backends.S3;

/// <content>Operations on items: find, load, store, move, delete and defragment.</content>
public sealed partial class S3Backend
{
    /// <inheritdoc/>
    protected override async ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await TryAsync<ItemInfo?>(name, async () =>
        {
            if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is { } head)
                return name.Length == 0 ? new(name, 0, IsDirectory: true) : new(name, head.Size, LastWriteTime: head.LastWriteTime, DeletedTime: DeletedTimeOf(name, head.LastWriteTime));
            return await IsDirectoryAsync(name, cancellationToken).ConfigureAwait(false) ? new(name, 0, IsDirectory: true) : null;
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        return await TryAsync(name, () => LoadKeyAsync(name, range, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var source = new SourceReader();
        try
        {
            await StoreKeyAsync(name, value, source, mode, cancellationToken).ConfigureAwait(false);
        }
        // An exception of the value's own stream is passed on unchanged.
        catch (Exception e) when (S3Errors.IsFailure(e) && e != source.Failure)
        {
            throw S3Errors.ToStoreException(e, name);
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken)
    {
        return await TryAsync(name, async () =>
        {
            // A deletion does not report whether the item existed.
            if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is not { } head) return false;
            await Bucket.DeleteAsync(KeyOf(name), head.ETag, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override int DeleteBatchSize => BucketClient.BatchSize;

    /// <inheritdoc/>
    protected override async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var failures = new List<DeleteFailure>();
        foreach (var batch in names.Chunk(BucketClient.BatchSize))
        {
            var errors = await TryAsync(batch[0],
                () => Bucket.DeleteAsync(batch.Select(KeyOf), cancellationToken)).ConfigureAwait(false);
            foreach (var error in errors)
            {
                if (error.Key?.StartsWith(Root, StringComparison.Ordinal) != true) throw S3Errors.InvalidResponse("it does not contain the name of the item that was not deleted");
                var name = error.Key[Root.Length..];
                var (code, why) = S3Errors.Explain(error.Code, error.Message);
                failures.Add(new(name, new(code, why, name)));
            }
        }
        return failures;
    }

    /// <inheritdoc/>
    protected override async ValueTask<string?> HashCoreAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        return await TryAsync(name, async () =>
        {
            if (Bucket.Traits.Checksum != ChecksumKind.None
                && await Bucket.HeadAsync(KeyOf(name), checksums: true, cancellationToken).ConfigureAwait(false) is { } head
                && StoredChecksum.Find(head, algorithm) is { } digest)
                return digest;

            var value = await LoadKeyAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
            if (value is null) return null;
            await using (value.ConfigureAwait(false))
                return await algorithm.ComputeHexAsync(value, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task<ValueStream?> LoadKeyAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        if (range.Length == 0)
            return await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is null ? null : new MemoryValueStream(default);

        (GetObjectResponse Response, long Start)? answer;
        try
        {
            answer = await Bucket.GetAsync(KeyOf(name), range, etag: null, cancellationToken).ConfigureAwait(false);
        }
        catch (AmazonServiceException e) when (S3Errors.IsOutsideRange(e))
        {
            return new MemoryValueStream(default);
        }
        if (answer is not var (response, start)) return null;

        var length = Math.Min(range.Length ?? long.MaxValue, response.ContentLength);
        if (response.ResponseStream is MemoryStream whole && whole.TryGetBuffer(out var bytes)) return new MemoryValueStream(bytes.AsMemory(0, (int)length));
        if (string.IsNullOrEmpty(response.ETag))
        {
            // Further requests for the rest could not be bound to the same value.
            response.Dispose();
            throw S3Errors.InvalidResponse("it does not contain the ETag of a value");
        }
        var version = new ObjectVersion(Bucket, KeyOf(name), response.ETag, name);
        return length > ParallelObjectStream.Threshold
            ? new ParallelObjectStream(version, start, length, response)
            : new ObjectStream(version, start, length, response);
    }

    private async Task StoreKeyAsync(string name, StoreValue value, SourceReader source, StoreMode mode, CancellationToken cancellationToken)
    {
        if (value.Length > PartSizes.DefaultPartSize)
        {
            await UploadAsync(name, mode, upload => AddPartsAsync(upload, value, source), cancellationToken).ConfigureAwait(false);
        }
        else if (value.IsInMemory)
        {
            await PutAsync(name, value.Bytes, mode, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // Only a value in memory can be sent again after a broken connection.
            using var buffer = await PartBuffers.Uploads.RentAsync((int)value.Length, cancellationToken).ConfigureAwait(false);
            var stream = value.OpenStream();
            await using (stream.ConfigureAwait(false)) await source.ReadAsync(stream, buffer.Memory, cancellationToken).ConfigureAwait(false);
            await PutAsync(name, buffer.Memory, mode, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task AddPartsAsync(MultipartUploader upload, StoreValue value, SourceReader source)
    {
        var partSize = PartSizes.For(value.Length);
        if (value.IsInMemory)
        {
            await upload.AddAsync(value.Bytes, partSize).ConfigureAwait(false);
            return;
        }
        var stream = value.OpenStream();
        await using (stream.ConfigureAwait(false))
        {
            for (var left = value.Length; left > 0; left -= partSize)
                await upload.AddAsync((int)Math.Min(partSize, left), buffer => source.ReadAsync(stream, buffer, upload.CancellationToken)).ConfigureAwait(false);
        }
    }

    private async Task PutAsync(string name, ReadOnlyMemory<byte> value, StoreMode mode, CancellationToken cancellationToken)
    {
        if (mode == StoreMode.Overwrite || !await PrepareToCreateAsync(name, cancellationToken).ConfigureAwait(false))
            await Bucket.PutAsync(KeyOf(name), value, cancellationToken).ConfigureAwait(false);
        else if (!await Bucket.TryCreateAsync(KeyOf(name), value, cancellationToken).ConfigureAwait(false))
            throw AlreadyExists(name);
    }

    private async Task UploadAsync(string name, StoreMode mode, Func<MultipartUploader, Task> addParts, CancellationToken cancellationToken)
    {
        var onlyIfAbsent = mode == StoreMode.CreateNew && await PrepareToCreateAsync(name, cancellationToken).ConfigureAwait(false);
        // Only AWS supports the condition when an upload is completed; with other servers the item is looked up at the last moment.
        var conditional = onlyIfAbsent && Bucket.Traits.IsAws;
        try
        {
            if (mode == StoreMode.CreateNew && !conditional) await ThrowIfExistsAsync(name, cancellationToken).ConfigureAwait(false);
            await MultipartUploader.RunAsync(Bucket, KeyOf(name), conditional, async upload =>
            {
                await addParts(upload).ConfigureAwait(false);
                if (mode == StoreMode.CreateNew && !conditional) await ThrowIfExistsAsync(name, cancellationToken).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
        }
        catch (AmazonServiceException e) when (conditional && S3Errors.IsConditionFailed(e))
        {
            throw AlreadyExists(name);
        }
    }

    // Returns whether the server itself checks that the item is new. Otherwise it is looked up, as reliably as possible.
    private async Task<bool> PrepareToCreateAsync(string name, CancellationToken cancellationToken)
    {
        var probe = _conditionalWrites;
        // Let the next caller retry after a failure.
        if (probe is null or { IsFaulted: true }) _conditionalWrites = probe = ProbeConditionalWritesAsync();
        var conditional = await probe.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (!conditional) await ThrowIfExistsAsync(name, cancellationToken).ConfigureAwait(false);
        return conditional;
    }

    // A server that does not support the condition may refuse it or silently ignore
    // it. The store's own marker, which may safely be written again, shows which.
    private async Task<bool> ProbeConditionalWritesAsync()
    {
        if (Bucket.Traits.IsAws) return true;
        try
        {
            // The first attempt creates the marker if it is missing.
            for (var attempt = 0; attempt < 2; attempt++)
                if (!await Bucket.TryCreateAsync(Root, default, CancellationToken.None).ConfigureAwait(false)) return true;
            return false;
        }
        catch (AmazonServiceException)
        {
            return false;
        }
    }

    private async Task ThrowIfExistsAsync(string name, CancellationToken cancellationToken)
    {
        if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is not null) throw AlreadyExists(name);
    }

    private async Task<bool> IsDirectoryAsync(string name, CancellationToken cancellationToken)
        => (await Bucket.ListAsync(KeyOf(name) + "/", oneLevel: false, startAfter: null, continuation: null, max: 1, cancellationToken).ConfigureAwait(false)).S3Objects is { Count: > 0 };

    private static StoreException AlreadyExists(string name)
        => new(StoreError.ObjectAlreadyExists, name: name);

    /// <inheritdoc/>
    protected override async ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        return await TryAsync(name, async () =>
        {
            if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is not { } head) return false;
            if (name == newName) return mode == StoreMode.Overwrite ? true : throw AlreadyExists(newName);
            head = await CopyAsync(this, name, newName, head, mode, cancellationToken).ConfigureAwait(false);
            await DeleteMovedAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected override async ValueTask<long?> CopyFromCoreAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        if (origin.Storage is not S3Backend other) return null;
        using var reading = other.Gate.Enter(cancellationToken);
        return await TryAsync<long?>(name, async () =>
        {
            // The server refuses to copy an object onto itself.
            var isItself = (other.Bucket.Name, other.KeyOf(origin.Name)) == (Bucket.Name, KeyOf(name));
            if (isItself || !await _connection!.SharesServerAsync(other._connection!).ConfigureAwait(false)
                || await other.Bucket.HeadAsync(other.KeyOf(origin.Name), cancellationToken).ConfigureAwait(false) is not { } head) return null;
            // Such a value would be downloaded and uploaded again here, too.
            if (mode == StoreMode.CreateNew && !Bucket.Traits.ConditionalCopies && head.Size <= PartSizes.DefaultPartSize
                && await PrepareToCreateAsync(name, cancellationToken).ConfigureAwait(false)) return null;
            return (await CopyAsync(other, origin.Name, name, head, mode, cancellationToken).ConfigureAwait(false)).Size;
        }).ConfigureAwait(false);
    }

    // Returns which version was copied.
    private async Task<ObjectHead> CopyAsync(S3Backend source, string name, string newName, ObjectHead head, StoreMode mode, CancellationToken cancellationToken)
    {
        if (head.Size > Bucket.MaxCopySize)
        {
            await UploadAsync(newName, mode, upload => CopyPartsAsync(upload, source, name, head), cancellationToken).ConfigureAwait(false);
            await CheckCopyAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
            return head;
        }
        return mode == StoreMode.CreateNew && !Bucket.Traits.ConditionalCopies
            ? await CreateCopyAsync(source, name, newName, head, cancellationToken).ConfigureAwait(false)
            : await CopyAtOnceAsync(source, name, newName, head, mode, cancellationToken).ConfigureAwait(false);
    }

    private static async Task CopyPartsAsync(MultipartUploader upload, S3Backend source, string name, ObjectHead head)
    {
        if (source.Bucket.CanCopyParts(source.KeyOf(name)))
        {
            await upload.CopyAsync(source.Bucket.Name, source.KeyOf(name), head.ETag, 0, head.Size).ConfigureAwait(false);
            return;
        }
        var value = await source.OpenAsync(name, head, upload.CancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false)) await AddPartsAsync(upload, new(value, head.Size), new()).ConfigureAwait(false);
    }

    // If the server supports conditional writes but not conditional copies, a value that fits into one request is downloaded and uploaded again.
    private async Task<ObjectHead> CreateCopyAsync(S3Backend source, string name, string newName, ObjectHead head, CancellationToken cancellationToken)
    {
        var decides = await PrepareToCreateAsync(newName, cancellationToken).ConfigureAwait(false);
        if (!decides || head.Size > PartSizes.DefaultPartSize)
        {
            if (decides) await ThrowIfExistsAsync(newName, cancellationToken).ConfigureAwait(false);
            return await CopyAtOnceAsync(source, name, newName, head, StoreMode.Overwrite, cancellationToken).ConfigureAwait(false);
        }
        using var buffer = await PartBuffers.Uploads.RentAsync((int)head.Size, cancellationToken).ConfigureAwait(false);
        var value = await source.OpenAsync(name, head, cancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false)) await value.ReadExactlyAsync(buffer.Memory, cancellationToken).ConfigureAwait(false);
        await PutAsync(newName, buffer.Memory, StoreMode.CreateNew, cancellationToken).ConfigureAwait(false);
        return head;
    }

    private ValueTask<Stream> OpenAsync(string name, ObjectHead head, CancellationToken cancellationToken)
        => new ObjectVersion(Bucket, KeyOf(name), head.ETag, name).OpenAsync(0, head.Size, cancellationToken);

    private async Task<ObjectHead> CopyAtOnceAsync(S3Backend source, string name, string newName, ObjectHead head, StoreMode mode, CancellationToken cancellationToken)
    {
        try
        {
            var copied = await Bucket.Client.CopyObjectAsync(new CopyObjectRequest
            {
                SourceBucket = source.Bucket.Name,
                SourceKey = source.KeyOf(name),
                DestinationBucket = Bucket.Name,
                DestinationKey = KeyOf(newName),
                ChecksumAlgorithm = BucketClient.ChecksumOf(Bucket.Traits.Checksum),
                ETagToMatch = head.ETag,
                IfNoneMatch = mode == StoreMode.CreateNew ? "*" : null,
            }, cancellationToken).ConfigureAwait(false);
            if (ETags.AreEqual(copied.ETag, head.ETag)) return head;
            // Ceph's gateway checks the condition before it reads the value, which may be replaced in between.
            if (await source.Bucket.HeadAsync(source.KeyOf(name), cancellationToken).ConfigureAwait(false) is { } newer && ETags.AreEqual(copied.ETag, newer.ETag)) return newer;
            // Equal ETags mean equal content; encryption or parts result in a different one, and then the size must do.
            await CheckCopyAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
            return head;
        }
        catch (AmazonServiceException e) when (mode == StoreMode.CreateNew && S3Errors.IsConditionFailed(e))
        {
            throw AlreadyExists(newName);
        }
    }

    private async Task CheckCopyAsync(string name, string newName, ObjectHead head, CancellationToken cancellationToken)
    {
        var copy = await Bucket.HeadAsync(KeyOf(newName), cancellationToken).ConfigureAwait(false);
        if (copy?.Size != head.Size)
            throw new StoreException(StoreError.BackendFailure, "the server's copy is incomplete, and the item was left as it is", name);
    }

    private async Task DeleteMovedAsync(string name, string newName, ObjectHead head, CancellationToken cancellationToken)
    {
        try
        {
            await Bucket.DeleteAsync(KeyOf(name), head.ETag, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e) || e is OperationCanceledException or StoreException)
        {
            var failure = e as StoreException ?? S3Errors.ToStoreException(e, name);
            throw new StoreException(failure.Error, $"{(e is OperationCanceledException ? "It was cancelled." : failure.Detail)} The item was copied and may now exist under both names. Compare them, then delete the old one.", name, e);
        }
    }

    private const int LoadsAtOnce = 8;

    /// <inheritdoc/>
    protected override async ValueTask<string> DefragCoreAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        return await TryAsync(request.Target ?? request.Namespace, async () =>
        {
            var blocks = new SourceBlocks(this, request.Sources);
            await blocks.CheckAsync(cancellationToken).ConfigureAwait(false);
            return blocks.Length <= PartSizes.DefaultPartSize
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

    // The name must be known before the first part is sent, so content whose hash becomes its name is read once more for hashing.
    private async Task<string> DefragLargeAsync(DefragRequest request, SourceBlocks blocks, CancellationToken cancellationToken)
    {
        var target = request.Target ?? request.NameOf(await HashAsync(request, blocks, cancellationToken).ConfigureAwait(false));
        await UploadAsync(target, request.Mode, async upload =>
        {
            foreach (var step in DefragPlan.Make(request.Sources, PartSizes.For(blocks.Length), block => Bucket.CanCopyParts(KeyOf(block.Name))))
            {
                if (step is { IsCopy: true, Pieces: [var piece] })
                    await upload.CopyAsync(Bucket.Name, KeyOf(piece.Name), blocks.ETagOf(piece.Name), piece.Offset, piece.Length).ConfigureAwait(false);
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

    /// <summary>The blocks of a request, with information about their items.</summary>
    private sealed class SourceBlocks(S3Backend backend, IReadOnlyList<Block> blocks)
    {
        private readonly Dictionary<string, ObjectHead> _heads = [];

        /// <summary>The total number of bytes.</summary>
        public long Length { get; private set; }

        public string ETagOf(string name) => _heads[name].ETag;

        /// <summary>Throws unless all blocks are entirely inside their items, before anything is made from them.</summary>
        public async Task CheckAsync(CancellationToken cancellationToken)
        {
            await Parallel.ForEachAsync(blocks.Select(block => block.Name).Distinct(), Degree(cancellationToken), async (name, token) =>
            {
                var head = await backend.Bucket.HeadAsync(backend.KeyOf(name), token).ConfigureAwait(false)
                    ?? throw new StoreException(StoreError.ObjectNotFound, name: name);
                lock (_heads) _heads[name] = head;
            }).ConfigureAwait(false);
            foreach (var block in blocks)
            {
                var size = _heads[block.Name].Size;
                block.ThrowIfOutside(size);
                Length += block.Length;
            }
        }

        /// <summary>Loads pieces in parallel into consecutive parts of a buffer.</summary>
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

        /// <summary>Opens a piece of the version that was checked.</summary>
        public ValueTask<Stream> OpenAsync(Block piece, CancellationToken cancellationToken)
            => new ObjectVersion(backend.Bucket, backend.KeyOf(piece.Name), ETagOf(piece.Name), piece.Name).OpenAsync(piece.Offset, piece.Length, cancellationToken);

        private static ParallelOptions Degree(CancellationToken cancellationToken)
            => new() { MaxDegreeOfParallelism = LoadsAtOnce, CancellationToken = cancellationToken };
    }
}
