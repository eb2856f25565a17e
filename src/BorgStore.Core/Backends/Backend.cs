using BorgStore.Backends.Gathering;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Backends;

/// <summary>Base class for storages. It admits operations only while the store is open and lets closing
/// wait for them, and it has defaults for everything that can be built from other operations. A storage
/// implements the abstract members and overrides the defaults that it can do better.</summary>
/// <remarks>The members named …Core are called while the store is open (<see cref="CreateCoreAsync"/>, <see cref="DestroyCoreAsync"/> and
/// <see cref="OpenCoreAsync"/>: while it is not). Their contract is that of the method of <see cref="IBackend"/> without "Core".</remarks>
public abstract class Backend : IBackend
{
    private Task? _disposal;

    /// <summary>Initializes a backend for a store that is not open yet.</summary>
    /// <param name="displayUrl">The store's URL for error messages, without secrets.</param>
    protected Backend(string? displayUrl = null) => Gate = new(displayUrl);

    /// <summary>The gate that operations pass, for storages with operations that outlive their caller.</summary>
    private protected OperationGate Gate { get; }

    /// <inheritdoc/>
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        Gate.CheckNotOpen();
        await CreateCoreAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task DestroyAsync(CancellationToken cancellationToken)
    {
        Gate.CheckNotOpen();
        await DestroyCoreAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        Gate.CheckNotOpen();
        await OpenCoreAsync(cancellationToken).ConfigureAwait(false);
        Gate.Open();
    }

    /// <inheritdoc/>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        await FlushCoreAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        await MakeDirectoryCoreAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await RemoveDirectoryCoreAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await FindCoreAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await LoadCoreAsync(name, range, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await GatherCoreAsync(blocks, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        await StoreCoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueOrigin? FindOrigin(string name) => new(this, name);

    /// <inheritdoc/>
    public async ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await CopyFromCoreAsync(origin, name, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await DeleteCoreAsync(name, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public virtual int DeleteBatchSize => 1;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await DeleteManyCoreAsync(names, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await MoveCoreAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, CancellationToken cancellationToken)
        => ListAsync(directory, scope, "", cancellationToken);

    /// <inheritdoc/>
    public virtual IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => Gate.EnterEachAsync(ListCoreAsync(directory, scope, prefix, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => ListRawTreeCoreAsync(directory, after, cancellationToken) is { } items ? Gate.EnterEachAsync(items, cancellationToken) : null;

    /// <inheritdoc/>
    public async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await HashCoreAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        request.CheckTarget();
        return await DefragCoreAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await GetQuotaCoreAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public virtual IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => Gate.EnterEachAsync(ListTemporaryCoreAsync(olderThan, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        using var operation = Gate.Enter(cancellationToken);
        return await DeleteTemporaryCoreAsync(item, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes the store: refuses operations, waits for those in flight and releases what the backend holds. Later calls wait for the
    /// first one.</summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        var isFirst = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Interlocked.CompareExchange(ref _disposal, isFirst.Task, null) is { } other)
        {
            await other.ConfigureAwait(false);
            return;
        }
        try
        {
            await DisposeCoreAsync(await Gate.CloseAsync().ConfigureAwait(false)).ConfigureAwait(false);
        }
        finally
        {
            isFirst.SetResult();
        }
    }

    /// <inheritdoc cref="IBackend.CreateAsync"/>
    protected abstract Task CreateCoreAsync(CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.DestroyAsync"/>
    protected abstract Task DestroyCoreAsync(CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.OpenAsync"/>
    protected abstract Task OpenCoreAsync(CancellationToken cancellationToken);

    /// <summary>Releases the backend's resources after the last operation has ended. Called once.</summary>
    /// <param name="wasOpen">Whether the store was open, so that there may be something to flush.</param>
    protected virtual ValueTask DisposeCoreAsync(bool wasOpen) => default;

    /// <inheritdoc cref="IBackend.FlushAsync"/>
    /// <remarks>By default this does nothing: every operation returns when its change is safe.</remarks>
    protected virtual ValueTask FlushCoreAsync(CancellationToken cancellationToken) => default;

    /// <inheritdoc cref="IBackend.MakeDirectoryAsync"/>
    protected abstract ValueTask MakeDirectoryCoreAsync(string name, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.RemoveDirectoryAsync"/>
    protected abstract ValueTask<bool> RemoveDirectoryCoreAsync(string name, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.FindAsync"/>
    protected abstract ValueTask<ItemInfo?> FindCoreAsync(string name, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.LoadAsync"/>
    protected abstract ValueTask<ValueStream?> LoadCoreAsync(string name, ByteRange range, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.GatherAsync"/>
    /// <remarks>By default several ranges are loaded at a time.</remarks>
    protected virtual ValueTask<ValueStream> GatherCoreAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => GatherStream.OpenAsync(this, blocks, cancellationToken);

    /// <inheritdoc cref="IBackend.StoreAsync"/>
    protected abstract ValueTask StoreCoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.CopyFromAsync"/>
    /// <remarks>By default nothing is copied, so that the caller loads and stores the value.</remarks>
    protected virtual ValueTask<long?> CopyFromCoreAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken) => new((long?)null);

    /// <inheritdoc cref="IBackend.DeleteAsync"/>
    protected abstract ValueTask<bool> DeleteCoreAsync(string name, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.DeleteManyAsync"/>
    /// <remarks>By default items are deleted one by one.</remarks>
    protected virtual ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyCoreAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
        => DeleteFailure.DeleteEachAsync(DeleteCoreAsync, names, cancellationToken);

    /// <inheritdoc cref="IBackend.MoveAsync"/>
    protected abstract ValueTask<bool> MoveCoreAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.ListAsync(string, ListScope, string, CancellationToken)"/>
    /// <remarks>A storage that cannot list trees itself returns <see cref="TreeWalk.ListAsync"/> for <see cref="ListScope.Tree"/>.</remarks>
    protected abstract IAsyncEnumerable<ItemInfo> ListCoreAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken);

    /// <inheritdoc cref="IBackend.ListRawTreeAsync"/>
    /// <remarks>By default directories are listed one at a time.</remarks>
    protected virtual IAsyncEnumerable<ItemInfo>? ListRawTreeCoreAsync(string directory, string after, CancellationToken cancellationToken) => null;

    /// <inheritdoc cref="IBackend.HashAsync"/>
    /// <remarks>By default the value is loaded.</remarks>
    protected virtual async ValueTask<string?> HashCoreAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        var value = await LoadCoreAsync(name, ByteRange.Whole, cancellationToken).ConfigureAwait(false);
        if (value is null) return null;
        await using (value.ConfigureAwait(false)) return await algorithm.ComputeHexAsync(value, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="IBackend.DefragAsync"/>
    /// <remarks>By default the blocks are gathered and stored like any other value; if the hash
    /// becomes the name, they are gathered twice. The target is already checked.</remarks>
    protected virtual async ValueTask<string> DefragCoreAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        await GatherPlan.ThrowIfAnyOutsideAsync(request.Sources, FindCoreAsync, cancellationToken).ConfigureAwait(false);
        var name = request.Target ?? request.NameOf(await HashBlocksAsync(request, cancellationToken).ConfigureAwait(false));
        var value = await GatherCoreAsync(request.Sources, cancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false))
            await StoreCoreAsync(name, new StoreValue(value, value.Length), request.Mode, cancellationToken).ConfigureAwait(false);
        return name;
    }

    /// <inheritdoc cref="IBackend.GetQuotaAsync"/>
    /// <remarks>By default the quota is unknown.</remarks>
    protected virtual ValueTask<QuotaInfo> GetQuotaCoreAsync(CancellationToken cancellationToken) => default;

    /// <inheritdoc cref="IBackend.ListTemporaryAsync"/>
    /// <remarks>By default the listing is empty: a crash leaves nothing behind.</remarks>
    protected virtual IAsyncEnumerable<TemporaryItem> ListTemporaryCoreAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => NoItemsAsync<TemporaryItem>();

    /// <inheritdoc cref="IBackend.DeleteTemporaryAsync"/>
    protected virtual ValueTask<bool> DeleteTemporaryCoreAsync(TemporaryItem item, CancellationToken cancellationToken) => new(false);

    /// <summary>Returns whether a name in the root directory belongs to a store. The folders that a file system creates in its own
    /// root do not, so that a store can be created in the root of a fresh file system, and destroying it leaves them alone.</summary>
    /// <param name="name">The name of a file or directory in the root of the store.</param>
    protected static bool IsOfStore(string name) => !SystemFolders.IsFileSystemFolder(name);

    private async ValueTask<string> HashBlocksAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        var value = await GatherCoreAsync(request.Sources, cancellationToken).ConfigureAwait(false);
        await using (value.ConfigureAwait(false)) return await request.Algorithm!.ComputeHexAsync(value, cancellationToken).ConfigureAwait(false);
    }

#pragma warning disable CS1998 // There is nothing to wait for.
    private static async IAsyncEnumerable<T> NoItemsAsync<T>()
    {
        yield break;
    }
#pragma warning restore CS1998
}
