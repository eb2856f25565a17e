using Amazon.Runtime;
using Amazon.S3.Model;
using BorgStore.Hashing;

namespace BorgStore.Backends.S3;

/// <content>Single items.</content>
public sealed partial class S3Backend
{
    /// <inheritdoc/>
    public async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await TryAsync<ItemInfo?>($"look for '{name}'", name, async () =>
        {
            if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is { } head)
                return name.Length == 0 ? new(name, 0, IsDirectory: true) : new(name, head.Size, LastWriteTime: head.LastWriteTime);
            return await IsDirectoryAsync(name, cancellationToken).ConfigureAwait(false) ? new(name, 0, IsDirectory: true) : null;
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await TryAsync($"load '{name}'", name, () => LoadKeyAsync(name, range, cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        try
        {
            await StoreKeyAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e) && e is not IOException)
        {
            // An I/O error is the caller's: it comes from the stream that gives the value.
            throw S3Errors.ToStoreException(e, $"store '{name}'", name);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await TryAsync($"delete '{name}'", name, async () =>
        {
            // Nobody else tells whether there was anything.
            if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is not { } head) return false;
            await Bucket.DeleteAsync(KeyOf(name), head.ETag, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public int DeleteBatchSize => S3Bucket.BatchSize;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        var failures = new List<DeleteFailure>();
        foreach (var batch in names.Chunk(S3Bucket.BatchSize))
        {
            var errors = await TryAsync($"delete {batch.Length} items", batch[0],
                () => Bucket.DeleteAsync(batch.Select(KeyOf), cancellationToken)).ConfigureAwait(false);
            foreach (var error in errors)
            {
                if (error.Key?.StartsWith(Root, StringComparison.Ordinal) != true) throw S3Errors.Wrong("it does not say which item is left");
                var name = error.Key[Root.Length..];
                var (code, why) = S3Errors.Explain(error.Code, error.Message);
                failures.Add(new(name, StoreException.While(code, $"delete '{name}'", name, why)));
            }
        }
        return failures;
    }

    /// <inheritdoc/>
    public async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await TryAsync($"hash '{name}'", name, async () =>
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
        var version = new ObjectVersion(Bucket, KeyOf(name), response.ETag, name);
        return length > ParallelObjectStream.Threshold
            ? new ParallelObjectStream(version, start, length, response)
            : new ObjectStream(version, start, length, response);
    }

    private async Task StoreKeyAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        if (value.Length > PartSizes.Ordinary)
        {
            await UploadAsync(name, mode, upload => AddPartsAsync(upload, value), cancellationToken).ConfigureAwait(false);
        }
        else if (value.IsInMemory)
        {
            await PutAsync(name, value.Bytes, mode, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // Only what is in memory can be sent again when the line was cut.
            using var buffer = await PartBuffers.Uploads.RentAsync((int)value.Length, cancellationToken).ConfigureAwait(false);
            var stream = value.OpenStream();
            await using (stream.ConfigureAwait(false)) await stream.ReadExactlyAsync(buffer.Memory, cancellationToken).ConfigureAwait(false);
            await PutAsync(name, buffer.Memory, mode, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task AddPartsAsync(PartedUpload upload, StoreValue value)
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
                await upload.AddAsync((int)Math.Min(partSize, left), buffer => stream.ReadExactlyAsync(buffer, upload.CancellationToken)).ConfigureAwait(false);
        }
    }

    private async Task PutAsync(string name, ReadOnlyMemory<byte> value, StoreMode mode, CancellationToken cancellationToken)
    {
        if (mode == StoreMode.Overwrite || !await PrepareToCreateAsync(name, cancellationToken).ConfigureAwait(false))
            await Bucket.PutAsync(KeyOf(name), value, cancellationToken).ConfigureAwait(false);
        else if (!await Bucket.TryCreateAsync(KeyOf(name), value, cancellationToken).ConfigureAwait(false))
            throw AlreadyExists(name);
    }

    private async Task UploadAsync(string name, StoreMode mode, Func<PartedUpload, Task> addParts, CancellationToken cancellationToken)
    {
        var onlyIfAbsent = mode == StoreMode.CreateNew && await PrepareToCreateAsync(name, cancellationToken).ConfigureAwait(false);
        // Only AWS heeds the condition as an upload is completed; elsewhere the answer is looked for at the last moment.
        var conditional = onlyIfAbsent && Bucket.Traits.IsAws;
        try
        {
            if (mode == StoreMode.CreateNew && !conditional) await DemandAbsentAsync(name, cancellationToken).ConfigureAwait(false);
            await PartedUpload.RunAsync(Bucket, KeyOf(name), conditional, async upload =>
            {
                await addParts(upload).ConfigureAwait(false);
                if (mode == StoreMode.CreateNew && !conditional) await DemandAbsentAsync(name, cancellationToken).ConfigureAwait(false);
            }, cancellationToken).ConfigureAwait(false);
        }
        catch (AmazonServiceException e) when (conditional && S3Errors.IsConditionFailed(e))
        {
            throw AlreadyExists(name);
        }
    }

    // Whether the server decides itself. Where it cannot, the item is looked for as well as possible.
    private async Task<bool> PrepareToCreateAsync(string name, CancellationToken cancellationToken)
    {
        var probe = _conditionalWrites;
        // What failed is tried again by the next.
        if (probe is null or { IsFaulted: true }) _conditionalWrites = probe = ProbeConditionalWritesAsync();
        var conditional = await probe.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (!conditional) await DemandAbsentAsync(name, cancellationToken).ConfigureAwait(false);
        return conditional;
    }

    // A server that does not know the condition may refuse it, or store without a word. The store's own marker shows which,
    // and nothing is lost where it is stored once more.
    private async Task<bool> ProbeConditionalWritesAsync()
    {
        if (Bucket.Traits.IsAws) return true;
        try
        {
            // The first makes a marker where there was none.
            for (var attempt = 0; attempt < 2; attempt++)
                if (!await Bucket.TryCreateAsync(Root, default, CancellationToken.None).ConfigureAwait(false)) return true;
            return false;
        }
        catch (AmazonServiceException)
        {
            return false;
        }
    }

    private async Task DemandAbsentAsync(string name, CancellationToken cancellationToken)
    {
        if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is not null) throw AlreadyExists(name);
    }

    private async Task<bool> IsDirectoryAsync(string name, CancellationToken cancellationToken)
        => (await Bucket.ListAsync(KeyOf(name) + "/", oneLevel: false, continuation: null, max: 1, cancellationToken).ConfigureAwait(false)).S3Objects is { Count: > 0 };

    private static StoreException AlreadyExists(string name)
        => new(StoreError.ObjectAlreadyExists, $"There is an item '{name}' already, and it was not to be replaced.", name);
}
