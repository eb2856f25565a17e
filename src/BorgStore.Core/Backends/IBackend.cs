using BorgStore.Hashing;

namespace BorgStore.Backends;

/// <summary>A store of values under nested names: the storage itself, or a wrapper around another backend.</summary>
/// <remarks>
/// <para>All methods may be called from many threads at once. Names are checked and nested by the caller.</para>
/// <para>A missing item is reported by the result, never by an exception; all other failures throw <see cref="StoreException"/>.
/// A reader sees a value completely or not at all, and a failed operation leaves nothing behind.</para>
/// <para>A backend with blocking system calls may complete short operations synchronously; callers that want concurrency must provide it.</para>
/// <para><see cref="IAsyncDisposable.DisposeAsync"/> flushes, closes and waits for operations in flight.</para>
/// </remarks>
public interface IBackend : IAsyncDisposable
{
    /// <summary>Creates the store. Throws <see cref="StoreError.StoreAlreadyExists"/> if there is already something at the place.</summary>
    Task CreateAsync(CancellationToken cancellationToken);

    /// <summary>Deletes the store with everything in it. Throws <see cref="StoreError.StoreDoesNotExist"/> if there is none.</summary>
    Task DestroyAsync(CancellationToken cancellationToken);

    /// <summary>Opens the store for use. Throws <see cref="StoreError.StoreDoesNotExist"/> if there is none.</summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>Returns when everything written before the call is as safe from a power cut as the storage can make it.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>Creates a directory and its parents; does nothing if it exists.</summary>
    ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken);

    /// <summary>Removes an empty directory.</summary>
    /// <returns>Whether it existed.</returns>
    ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken);

    /// <summary>Gets information about an item or directory.</summary>
    /// <returns>The information, or <see langword="null"/> if it does not exist.</returns>
    ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken);

    /// <summary>Opens a value or a part of it for reading.</summary>
    /// <returns>A stream that the caller disposes, or <see langword="null"/> if the item does not exist.</returns>
    ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken);

    /// <summary>Opens ranges of items, joined in the order given, as one stream, which the caller disposes. Ranges may repeat and overlap; a
    /// negative offset counts from the end; the items of empty ranges are not looked up. Memory stays constant however long the stream is.</summary>
    /// <remarks>A range that is not entirely inside its item throws <see cref="StoreError.ReadRange"/>
    /// and a missing item throws <see cref="StoreError.ObjectNotFound"/>, before anything is returned. An
    /// item that is deleted during the gathering, or changed while a range of it is read, fails when the stream
    /// reaches it. Each range is of one value, but those of an item may be of different ones.</remarks>
    ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken);

    /// <summary>Stores a value; missing directories are created.</summary>
    ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken);

    /// <summary>Returns where a value is, so that another storage of the same service can copy it without this process reading it.</summary>
    /// <param name="name">The item; it need not exist.</param>
    /// <returns>The origin, or <see langword="null"/> if the value must be loaded.</returns>
    ValueOrigin? FindOrigin(string name);

    /// <summary>Copies a value from another storage, or within this one, if the storage itself can do that; missing directories are created.</summary>
    /// <param name="origin">Where the value is.</param>
    /// <param name="name">The name of the copy.</param>
    /// <param name="mode">What to do if the item already exists.</param>
    /// <param name="cancellationToken">A token to cancel the operation; the copy then exists completely or not at all.</param>
    /// <returns>The size of the value [bytes], or <see langword="null"/> if nothing was copied: the storage cannot copy from there, or there is no
    /// such item. Then loading and storing the value does what is wanted, or reports what is wrong.</returns>
    ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken);

    /// <summary>Deletes an item.</summary>
    /// <returns>Whether it existed.</returns>
    ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken);

    /// <summary>The number of items that <see cref="DeleteManyAsync"/> deletes
    /// with one request; 1 if it is no faster than single deletions.</summary>
    int DeleteBatchSize { get; }

    /// <summary>Deletes items that recently existed, such as those of a listing. An item that no longer exists is not a failure.</summary>
    /// <returns>The items that could not be deleted. A failure does not stop the rest.</returns>
    ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken);

    /// <summary>Renames an item; missing directories are created.</summary>
    /// <returns>Whether it existed.</returns>
    ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken);

    /// <summary>Lists a directory (<c>""</c> for the root): either one level with its directories, sorted by name in ordinal order; or
    /// the files of the whole tree below, sorted within each directory. Temporary, hidden and foreign names are left out,
    /// except with <see cref="ListScope.RawLevel"/>.</summary>
    /// <remarks>A missing directory throws <see cref="StoreError.ObjectNotFound"/> when
    /// the listing starts; items that disappear during the listing are left out.</remarks>
    IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, CancellationToken cancellationToken)
        => ListAsync(directory, scope, "", cancellationToken);

    /// <summary>Lists only the files and directories of a directory whose names start with a prefix, and for a tree what is below these directories.</summary>
    /// <param name="directory">The directory; <c>""</c> for the root.</param>
    /// <param name="scope">How deep the listing goes.</param>
    /// <param name="prefix">The start of the names in that directory, without a slash; <c>""</c> for all.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <remarks>Like the whole listing, but with a prefix a missing directory may also be listed as
    /// empty, because some storages cannot tell it from one without such names.</remarks>
    IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken);

    /// <summary>Lists everything below a directory as it is, with temporary, hidden and foreign names, in the storage's own order, if that takes fewer
    /// requests than listing one directory after another.</summary>
    /// <param name="directory">The directory; <c>""</c> for the root.</param>
    /// <param name="after">A file, or a directory with a slash at its end, to list only what follows it, even if it no longer exists; <c>""</c> for everything.</param>
    /// <param name="cancellationToken">A token to cancel the operation.</param>
    /// <returns>Names relative to the directory. The content of a directory is never interrupted by anything outside it. A directory itself
    /// may be listed before its content, and always is if it is empty; its name then ends with a slash. <see langword="null"/> if the storage lists
    /// directories one at a time.</returns>
    /// <remarks>A missing directory throws <see cref="StoreError.ObjectNotFound"/> when the listing starts, if it starts at the beginning.</remarks>
    IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken);

    /// <summary>Computes the hash of a whole value, in the storage itself if it can.</summary>
    /// <returns>The digest in lower-case hex, or <see langword="null"/> if the item does not exist.</returns>
    ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken);

    /// <summary>Makes a new item from blocks of existing ones. A block that is not entirely inside its item throws
    /// <see cref="StoreError.ReadRange"/>, and a missing item <see cref="StoreError.ObjectNotFound"/>.</summary>
    /// <returns>The nested name of the new item.</returns>
    ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken);

    /// <summary>Gets the quota.</summary>
    ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken);

    /// <summary>Lists temporary items that crashes left behind and that were not written to for the given time.</summary>
    IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken);

    /// <summary>Deletes a temporary item that a crash left behind.</summary>
    /// <returns>Whether it still existed.</returns>
    ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken);
}

/// <summary>How deep a listing goes.</summary>
public enum ListScope
{
    /// <summary>The files and directories of one directory.</summary>
    OneLevel,

    /// <summary>The files of a directory and of all directories below it.</summary>
    Tree,

    /// <summary>The files and directories of one directory as they are, with temporary, hidden and foreign names, which no item has.
    /// A storage that cannot show those lists the others.</summary>
    RawLevel,
}

/// <summary>What to do if there is already an item of the name.</summary>
public enum StoreMode
{
    /// <summary>Replace it.</summary>
    Overwrite,

    /// <summary>Keep it and throw <see cref="StoreError.ObjectAlreadyExists"/>. The storage itself decides atomically if it can.</summary>
    CreateNew,
}

/// <summary>The quota of a store.</summary>
/// <param name="Limit">The maximum total size of all values [bytes]; <see langword="null"/> if there is no quota.</param>
/// <param name="Used">The total size of all values [bytes]; <see langword="null"/> if it is not counted.</param>
public readonly record struct QuotaInfo(long? Limit, long? Used)
{
    /// <summary>The number of bytes that may still be stored; <see langword="null"/> if there is no quota.</summary>
    public long? Available => Limit is { } limit && Used is { } used ? Math.Max(0, limit - used) : null;
}
