using BorgStore.Backends.Gathering;
using BorgStore.Hashing;

namespace BorgStore.Backends;

/// <summary>A place that keeps values under nested names: the storage itself, or a concern in the chain before it.</summary>
/// <remarks>
/// <para>Every method may be called from many threads at once. Names are checked and nested by the caller.</para>
/// <para>What is absent is told by the result, never by an exception; all else that fails throws <see cref="StoreException"/>.
/// A reader sees a value complete or not at all, and what fails leaves nothing behind.</para>
/// <para>A backend whose system calls block may complete synchronously for what is short; the caller brings the parallelism.</para>
/// <para><see cref="IAsyncDisposable.DisposeAsync"/> flushes, closes and waits for what is still in flight.</para>
/// </remarks>
public interface IBackend : IAsyncDisposable
{
    /// <summary>Makes the store. Fails with <see cref="StoreError.StoreAlreadyExists"/> where there is anything already.</summary>
    Task CreateAsync(CancellationToken cancellationToken);

    /// <summary>Removes the store with all that is in it. Fails with <see cref="StoreError.StoreDoesNotExist"/> if there is none.</summary>
    Task DestroyAsync(CancellationToken cancellationToken);

    /// <summary>Makes the store ready for use. Fails with <see cref="StoreError.StoreDoesNotExist"/> if there is none.</summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>Returns when all that was written before the call is as safe from a power cut as the storage can make it.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>Makes a directory and its parents; does nothing where it is there.</summary>
    ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken);

    /// <summary>Removes an empty directory.</summary>
    /// <returns>Whether it was there.</returns>
    ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken);

    /// <summary>Tells of an item or directory.</summary>
    /// <returns>What is known, or <see langword="null"/> if it does not exist.</returns>
    ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken);

    /// <summary>Begins to load a value or a part of it.</summary>
    /// <returns>A stream that the caller disposes, or <see langword="null"/> if the item does not exist.</returns>
    ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken);

    /// <summary>Opens ranges of items as one stream that the caller disposes, joined in the order given. Ranges may repeat and overlap;
    /// a negative offset counts from the end; a range without a byte is not looked up. Memory stays constant however many bytes it has.</summary>
    /// <remarks>A range that is not wholly there fails with <see cref="StoreError.ReadRange"/>, an absent item with
    /// <see cref="StoreError.ObjectNotFound"/>, before anything is returned. An item that is changed or deleted while it is read fails when the
    /// stream reaches it.</remarks>
    ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => GatherStream.OpenAsync(this, blocks, cancellationToken);

    /// <summary>Stores a value; missing directories are made.</summary>
    ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken);

    /// <summary>Deletes an item.</summary>
    /// <returns>Whether it was there.</returns>
    ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken);

    /// <summary>How many items <see cref="DeleteManyAsync"/> deletes with one request; 1 where it is no better than one by one.</summary>
    int DeleteBatchSize => 1;

    /// <summary>Deletes items that were there a moment ago, such as those of a listing. One that is gone by now is no failure.</summary>
    /// <returns>Those that are still there. The first failure does not end the rest.</returns>
    ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
        => DeleteFailure.DeleteEachAsync(DeleteAsync, names, cancellationToken);

    /// <summary>Renames an item; missing directories are made.</summary>
    /// <returns>Whether it was there.</returns>
    ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken);

    /// <summary>Lists a directory (<c>""</c> for the root): one level with its directories, sorted by name in ordinal order; or
    /// the files of the whole tree below, sorted within each directory. Unfinished, hidden and foreign names are left out.</summary>
    /// <remarks>A missing directory fails with <see cref="StoreError.ObjectNotFound"/> as the listing begins; what vanishes
    /// while it runs is left out.</remarks>
    IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, CancellationToken cancellationToken);

    /// <summary>Computes the hash of a whole value, where the value is if that is possible.</summary>
    /// <returns>The digest in lower-case hex, or <see langword="null"/> if the item does not exist.</returns>
    ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken);

    /// <summary>Makes one new item out of blocks of existing ones. A block that is not wholly there fails with
    /// <see cref="StoreError.ReadRange"/>, an absent item with <see cref="StoreError.ObjectNotFound"/>.</summary>
    /// <returns>The nested name of the new item.</returns>
    ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken);

    /// <summary>Gets the quota.</summary>
    ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken);

    /// <summary>Lists what crashes left unfinished and nothing has written to for a while.</summary>
    IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken);

    /// <summary>Removes what a crash left.</summary>
    /// <returns>Whether it was still there.</returns>
    ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken);
}
