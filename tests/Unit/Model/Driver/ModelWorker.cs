using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Tests.Model.Driver;

/// <summary>Runs operations on a store, and notes when and how they ended.</summary>
/// <param name="store">The store.</param>
/// <param name="backend">The store's backend, for listings of one level, which a store does not have.</param>
internal sealed class ModelWorker(Store store, IBackend backend)
{
    /// <summary>Runs an operation.</summary>
    /// <param name="operation">The operation; its result is set.</param>
    public async Task RunAsync(ModelOperation operation)
    {
        using var cancellation = new CancellationTokenSource();
        operation.Start = Stopwatch.GetTimestamp();
        if (operation.CancelAfter is { } delay) cancellation.CancelAfter(delay);
        try
        {
            operation.Outcome = await ActAsync(operation, cancellation.Token).ConfigureAwait(false) ? ModelOutcome.Done : ModelOutcome.Declined;
        }
        catch (StoreException e)
        {
            operation.Outcome = e.Error switch
            {
                StoreError.ObjectNotFound => ModelOutcome.Missing,
                StoreError.ObjectAlreadyExists => ModelOutcome.Exists,
                StoreError.NoSpace or StoreError.QuotaExceeded or StoreError.PermissionDenied when operation.Action is ModelAction.Store or ModelAction.Create => ModelOutcome.Refused,
                _ => ModelOutcome.Failed,
            };
            if (operation.Outcome is not (ModelOutcome.Missing or ModelOutcome.Exists)) operation.Text = $"{e.Error}: {e.Message}";
        }
        catch (OperationCanceledException) when (operation.CancelAfter is not null)
        {
            operation.Outcome = ModelOutcome.Failed;
        }
        catch (Exception e)
        {
            operation.Outcome = ModelOutcome.Broken;
            operation.Text = e.ToString();
        }
        operation.End = Stopwatch.GetTimestamp();
    }

    private async ValueTask<bool> ActAsync(ModelOperation operation, CancellationToken token)
    {
        var (slot, other) = (operation.Slot, operation.Other);
        var name = operation.NameOf(slot);
        var isDeleted = ModelOperation.IsDeleted(slot);
        switch (operation.Action)
        {
            case ModelAction.Store or ModelAction.Create:
                var bytes = operation.Value.ToBytes();
                using (var stream = new MemoryStream(bytes, writable: false))
                    await store.StoreAsync(name, operation.IsStream ? new StoreValue(stream, bytes.Length) : bytes, operation.Mode, token).ConfigureAwait(false);
                return true;
            case ModelAction.Load or ModelAction.LoadRange:
                var range = operation.Action == ModelAction.Load ? ByteRange.Whole : operation.Range;
                Note(operation, await store.LoadAsync(name, range, isDeleted, token).ConfigureAwait(false));
                return true;
            case ModelAction.Peek:
                await PeekAsync(operation, token).ConfigureAwait(false);
                return true;
            case ModelAction.Find:
                if (await store.FindAsync(name, isDeleted, token).ConfigureAwait(false) is not { } item) throw new StoreException(StoreError.ObjectNotFound);
                operation.Length = item.Size;
                return true;
            case ModelAction.Hash:
                operation.Prints.Add(await store.HashAsync(name, HashKind.Sha256, isDeleted, token).ConfigureAwait(false));
                return true;
            case ModelAction.List:
                await NoteAsync(operation, store.ListAsync(ModelOperation.Namespace, ItemSelection.All, token)).ConfigureAwait(false);
                return true;
            case ModelAction.ListPrefix:
                await NoteAsync(operation, store.ListAsync(ModelOperation.Namespace, ModelOperation.PrefixOf(operation.Group, operation.Round), ItemSelection.All, token)).ConfigureAwait(false);
                return true;
            case ModelAction.ListLevel:
                await foreach (var found in backend.ListAsync(ModelOperation.DirectoryOf(operation.Group), ListScope.OneLevel, token).ConfigureAwait(false))
                {
                    var deleted = Suffixes.IsDeleted(found.Name);
                    Note(operation, deleted ? found.Name[..^Suffixes.Deleted.Length] : found.Name, deleted, found.Size);
                }
                return true;
            case ModelAction.Move or ModelAction.MoveNew:
                await store.MoveAsync(name, operation.NameOf(other), operation.Mode, isDeleted, token).ConfigureAwait(false);
                return true;
            case ModelAction.SoftDelete:
                await store.SoftDeleteAsync(name, token).ConfigureAwait(false);
                return true;
            case ModelAction.Undelete or ModelAction.UndeleteNew:
                await store.UndeleteAsync(name, operation.Mode, token).ConfigureAwait(false);
                return true;
            case ModelAction.Delete:
                await store.DeleteAsync(name, isDeleted, token).ConfigureAwait(false);
                return true;
            case ModelAction.DeleteMany:
                StoreItem[] items = [.. new[] { slot, other }.Distinct().Select(one => new StoreItem(operation.NameOf(one), ModelOperation.Namespace, 0, ModelOperation.IsDeleted(one), 1))];
                var failures = await store.DeleteManyAsync(items, token).ConfigureAwait(false);
                return failures.Count == 0 ? true : throw failures[0].Reason;
            case ModelAction.Copy:
                if (await store.CopyFromAsync(store, name, deleted: false, operation.NameOf(other), staysDeleted: false, operation.Mode, token).ConfigureAwait(false) is not { } size) return false;
                operation.Length = size;
                return true;
            case ModelAction.Gather:
                await GatherAsync(operation, token).ConfigureAwait(false);
                return true;
            case ModelAction.Defrag:
                await store.DefragAsync(ModelOperation.Namespace, operation.DefragmentedPieces, name, operation.Mode, token).ConfigureAwait(false);
                return true;
            default:
                throw new InvalidOperationException($"{operation.Action}");
        }
    }

    private async ValueTask PeekAsync(ModelOperation operation, CancellationToken token)
    {
        var stream = await store.OpenReadAsync(operation.NameOf(operation.Slot), ByteRange.Whole, ModelOperation.IsDeleted(operation.Slot), token).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var bytes = new byte[Math.Min(operation.Count!.Value, stream.Length)];
            await stream.ReadExactlyAsync(bytes, token).ConfigureAwait(false);
            Note(operation, bytes);
            operation.Length = stream.Length;
        }
    }

    private async ValueTask GatherAsync(ModelOperation operation, CancellationToken token)
    {
        var pieces = operation.GatheredPieces;
        var stream = await store.GatherAsync(pieces, deleted: false, token).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var bytes = await stream.ReadToEndAsync(token).ConfigureAwait(false);
            operation.Length = bytes.Length;
            var at = 0;
            foreach (var piece in pieces)
            {
                var end = Math.Min(bytes.Length, at + (int)piece.Length);
                operation.Prints.Add(ModelValue.PrintOf(bytes.AsSpan(at, end - at)));
                at = end;
            }
        }
    }

    private static void Note(ModelOperation operation, byte[] bytes)
    {
        operation.Length = bytes.Length;
        operation.Prints.Add(ModelValue.PrintOf(bytes));
        operation.Text = operation.Action == ModelAction.LoadRange ? "" : ModelValue.Describe(bytes);
    }

    private static async ValueTask NoteAsync(ModelOperation operation, IAsyncEnumerable<StoreItem> items)
    {
        await foreach (var item in items.ConfigureAwait(false)) Note(operation, item.Key, item.IsDeleted, item.Size);
    }

    private static void Note(ModelOperation operation, string key, bool isDeleted, long size)
    {
        if (ModelOperation.Parse(key, isDeleted, operation.Round, size) is { } seen) operation.Seen.Add(seen);
    }
}
