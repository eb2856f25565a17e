using BorgStore.Hashing;

namespace BorgStore.Backends;

/// <summary>Base class for backends that wrap another one. It forwards every call, unless its remarks say otherwise; a derived class overrides those
/// that it changes.</summary>
/// <param name="inner">The wrapped backend.</param>
public abstract class DelegatingBackend(IBackend inner) : IBackend
{
    /// <summary>The wrapped backend.</summary>
    protected IBackend Inner { get; } = inner;

    /// <inheritdoc/>
    public virtual Task CreateAsync(CancellationToken cancellationToken) => Inner.CreateAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual Task DestroyAsync(CancellationToken cancellationToken) => Inner.DestroyAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual Task OpenAsync(CancellationToken cancellationToken) => Inner.OpenAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask FlushAsync(CancellationToken cancellationToken) => Inner.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
        => Inner.MakeDirectoryAsync(name, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
        => Inner.RemoveDirectoryAsync(name, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
        => Inner.FindAsync(name, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
        => Inner.LoadAsync(name, range, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
        => Inner.GatherAsync(blocks, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
        => Inner.StoreAsync(name, value, mode, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Not forwarded by default, because a derived class may change the values that are loaded.</remarks>
    public virtual ValueOrigin? FindOrigin(string name) => null;

    /// <inheritdoc/>
    /// <remarks>Not forwarded by default, because a derived class may change the values that are stored.</remarks>
    public virtual ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken) => new((long?)null);

    /// <inheritdoc/>
    public virtual ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
        => Inner.DeleteAsync(name, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Not forwarded by default, because a derived class may add something to each deletion, such as a permission check.</remarks>
    public virtual int DeleteBatchSize => 1;

    /// <inheritdoc/>
    public virtual ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
        => DeleteFailure.DeleteEachAsync(DeleteAsync, names, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
        => Inner.MoveAsync(name, newName, mode, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, CancellationToken cancellationToken)
        => ListAsync(directory, scope, "", cancellationToken);

    /// <inheritdoc/>
    public virtual IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
        => Inner.ListAsync(directory, scope, prefix, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Not forwarded by default, because a derived class may change what is listed.</remarks>
    public virtual IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken) => null;

    /// <inheritdoc/>
    public virtual ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
        => Inner.HashAsync(name, algorithm, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
        => Inner.DefragAsync(request, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken) => Inner.GetQuotaAsync(cancellationToken);

    /// <inheritdoc/>
    public virtual IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken)
        => Inner.ListTemporaryAsync(olderThan, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
        => Inner.DeleteTemporaryAsync(item, cancellationToken);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Inner.DisposeAsync();
    }
}
