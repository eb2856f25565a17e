using Amazon.Runtime;
using Amazon.S3.Model;

namespace BorgStore.Backends.S3;

/// <content>Moves: a copy on the server, a check, a delete.</content>
public sealed partial class S3Backend
{
    /// <inheritdoc/>
    public async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var visit = _gate.Enter(cancellationToken);
        return await TryAsync($"move '{name}' to '{newName}'", name, async () =>
        {
            if (await Bucket.HeadAsync(KeyOf(name), cancellationToken).ConfigureAwait(false) is not { } head) return false;
            if (name == newName) return mode == StoreMode.Overwrite ? true : throw AlreadyExists(newName);
            await CopyAsync(name, newName, head, mode, cancellationToken).ConfigureAwait(false);
            await DeleteMovedAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    private async Task CopyAsync(string name, string newName, ObjectHead head, StoreMode mode, CancellationToken cancellationToken)
    {
        if (head.Size > Bucket.LargestCopy)
        {
            await UploadAsync(newName, mode, upload => CopyPartsAsync(upload, name, head), cancellationToken).ConfigureAwait(false);
            await CheckCopyAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
        }
        else if (mode == StoreMode.CreateNew && !Bucket.Traits.ConditionalCopies)
        {
            await CreateCopyAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await CopyAtOnceAsync(name, newName, head, mode, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task CopyPartsAsync(PartedUpload upload, string name, ObjectHead head)
    {
        if (Bucket.CanCopyParts(KeyOf(name)))
        {
            await upload.CopyAsync(KeyOf(name), head.ETag, 0, head.Size).ConfigureAwait(false);
            return;
        }
        var source = await OpenAsync(name, head, upload.CancellationToken).ConfigureAwait(false);
        await using (source.ConfigureAwait(false)) await AddPartsAsync(upload, new(source, head.Size)).ConfigureAwait(false);
    }

    // Where the server can write only if absent, but not copy so, a value that fits into one request makes the way through here.
    private async Task CreateCopyAsync(string name, string newName, ObjectHead head, CancellationToken cancellationToken)
    {
        var decides = await PrepareToCreateAsync(newName, cancellationToken).ConfigureAwait(false);
        if (!decides || head.Size > PartSizes.Ordinary)
        {
            if (decides) await DemandAbsentAsync(newName, cancellationToken).ConfigureAwait(false);
            await CopyAtOnceAsync(name, newName, head, StoreMode.Overwrite, cancellationToken).ConfigureAwait(false);
            return;
        }
        using var buffer = await PartBuffers.Uploads.RentAsync((int)head.Size, cancellationToken).ConfigureAwait(false);
        var source = await OpenAsync(name, head, cancellationToken).ConfigureAwait(false);
        await using (source.ConfigureAwait(false)) await source.ReadExactlyAsync(buffer.Memory, cancellationToken).ConfigureAwait(false);
        await PutAsync(newName, buffer.Memory, StoreMode.CreateNew, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask<Stream> OpenAsync(string name, ObjectHead head, CancellationToken cancellationToken)
        => new ObjectVersion(Bucket, KeyOf(name), head.ETag, name).OpenAsync(0, head.Size, cancellationToken);

    private async Task CopyAtOnceAsync(string name, string newName, ObjectHead head, StoreMode mode, CancellationToken cancellationToken)
    {
        try
        {
            var copied = await Bucket.Client.CopyObjectAsync(new CopyObjectRequest
            {
                SourceBucket = Bucket.Name,
                SourceKey = KeyOf(name),
                DestinationBucket = Bucket.Name,
                DestinationKey = KeyOf(newName),
                ETagToMatch = head.ETag,
                IfNoneMatch = mode == StoreMode.CreateNew ? "*" : null,
            }, cancellationToken).ConfigureAwait(false);
            // The same tag is the same content; where encryption or parts make another one, the size has to do.
            if (copied.ETag?.Trim('"') != head.ETag.Trim('"')) await CheckCopyAsync(name, newName, head, cancellationToken).ConfigureAwait(false);
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
            throw StoreException.While(StoreError.BackendFailure, $"move '{name}' to '{newName}'", name,
                $"the server's copy is not whole, and the item was left as it is");
    }

    private async Task DeleteMovedAsync(string name, string newName, ObjectHead head, CancellationToken cancellationToken)
    {
        try
        {
            await Bucket.DeleteAsync(KeyOf(name), head.ETag, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (S3Errors.IsFailure(e) || e is OperationCanceledException or StoreException)
        {
            var failure = e as StoreException ?? S3Errors.ToStoreException(e, $"finish the move of '{name}' to '{newName}'", name);
            throw StoreException.While(failure.Error, $"move '{name}' to '{newName}'", name,
                $"{(e is OperationCanceledException ? "It was cancelled." : failure.Detail)} The item was copied, and is now perhaps under both names. Compare them, then delete the old one.", e);
        }
    }
}
