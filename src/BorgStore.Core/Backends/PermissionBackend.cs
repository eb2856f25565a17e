using System.Runtime.CompilerServices;
using BorgStore.Hashing;
using BorgStore.Security;

namespace BorgStore.Backends;

/// <summary>Refuses operations that a permission map does not allow.</summary>
/// <remarks>If a caller may store new items but not replace any, items are stored in the mode that
/// only creates, so that the storage itself decides, and no race lets an overwrite through.</remarks>
/// <param name="inner">The wrapped backend.</param>
/// <param name="permissions">The permissions.</param>
internal sealed class PermissionBackend(IBackend inner, PermissionMap permissions) : DelegatingBackend(inner)
{
    /// <inheritdoc/>
    public override Task CreateAsync(CancellationToken cancellationToken)
    {
        ThrowIfDenied("", PermissionMap.AnyWrite);
        return base.CreateAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Task DestroyAsync(CancellationToken cancellationToken)
    {
        ThrowIfDenied("", AccessRights.Delete);
        return base.DestroyAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.Write);
        return base.MakeDirectoryAsync(name, cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.Write | AccessRights.Delete);
        return base.RemoveDirectoryAsync(name, cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.List | AccessRights.Read);
        return base.FindAsync(name, cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.Read);
        return base.LoadAsync(name, range, cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        foreach (var block in blocks) ThrowIfDenied(block.Name, AccessRights.Read);
        return base.GatherAsync(blocks, cancellationToken);
    }

    /// <inheritdoc/>
    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        var allowed = EnsureMayWrite(name, mode);
        try
        {
            await base.StoreAsync(name, value, allowed, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists && allowed != mode)
        {
            throw PermissionMap.Denied(name, AccessRights.Overwrite, e);
        }
    }

    /// <inheritdoc/>
    public override ValueOrigin? FindOrigin(string name) => permissions.Allows(name, AccessRights.Read) ? Inner.FindOrigin(name) : null;

    /// <inheritdoc/>
    public override async ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        var allowed = EnsureMayWrite(name, mode);
        try
        {
            return await Inner.CopyFromAsync(origin, name, allowed, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists && allowed != mode)
        {
            throw PermissionMap.Denied(name, AccessRights.Overwrite, e);
        }
    }

    /// <inheritdoc/>
    public override ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.Delete);
        return base.DeleteAsync(name, cancellationToken);
    }

    /// <inheritdoc/>
    public override int DeleteBatchSize => Inner.DeleteBatchSize;

    /// <inheritdoc/>
    public override async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        var allowed = names.Where(name => permissions.Allows(name, AccessRights.Delete)).ToList();
        var failures = allowed.Count == 0 ? [] : await Inner.DeleteManyAsync(allowed, cancellationToken).ConfigureAwait(false);
        return [.. failures, .. names.Except(allowed).Select(name => new DeleteFailure(name, PermissionMap.Denied(name, AccessRights.Delete)))];
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.Delete);
        var allowed = EnsureMayWrite(newName, mode);
        // A storage that renames directories would move everything below with it, regardless of the rights there.
        if ((permissions.DiffersBelow(name) || permissions.DiffersBelow(newName))
            && await Inner.FindAsync(name, cancellationToken).ConfigureAwait(false) is { IsDirectory: true })
            throw new StoreException(StoreError.PermissionDenied, "the store's permissions differ below this directory; move the items one by one", name);
        try
        {
            return await base.MoveAsync(name, newName, allowed, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists && allowed != mode)
        {
            throw PermissionMap.Denied(newName, AccessRights.Overwrite, e);
        }
    }

    /// <inheritdoc/>
    public override IAsyncEnumerable<ItemInfo> ListAsync(string directory, ListScope scope, string prefix, CancellationToken cancellationToken)
    {
        if (!permissions.Allows(directory, AccessRights.List)) return RefuseListingAsync(directory);
        // If something below may not be listed, directories are listed one at a time, so that each is checked.
        return scope == ListScope.Tree && !permissions.AllowsBelow(directory, AccessRights.List)
            ? TreeWalk.ListAsync(this, directory, prefix, cancellationToken)
            : base.ListAsync(directory, scope, prefix, cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>If something below may not be listed, directories are listed one at a time, so that each is checked.</remarks>
    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => permissions.AllowsBelow(directory, AccessRights.List) ? Inner.ListRawTreeAsync(directory, after, cancellationToken) : null;

    /// <inheritdoc/>
    public override ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        ThrowIfDenied(name, AccessRights.Read);
        return base.HashAsync(name, algorithm, cancellationToken);
    }

    /// <inheritdoc/>
    public override async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        foreach (var source in request.Sources) ThrowIfDenied(source.Name, AccessRights.Read);
        var target = request.Target ?? request.Namespace.TrimEnd('/');
        var allowed = request.Target is null ? EnsureMayWriteBelow(target, request.Mode) : EnsureMayWrite(target, request.Mode);
        try
        {
            return await base.DefragAsync(request with { Mode = allowed }, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Error == StoreError.ObjectAlreadyExists && allowed != request.Mode)
        {
            throw PermissionMap.Denied(target, AccessRights.Overwrite, e);
        }
    }

    /// <inheritdoc/>
    public override IAsyncEnumerable<TemporaryItem> ListTemporaryAsync(TimeSpan olderThan, CancellationToken cancellationToken)
    {
        ThrowIfDenied("", AccessRights.List);
        return ListAllowedAsync(base.ListTemporaryAsync(olderThan, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public override ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        ThrowIfDenied(item.Id, AccessRights.Delete);
        return base.DeleteTemporaryAsync(item, cancellationToken);
    }

    // A refusal is a failure of the listing, like a directory that cannot be read, so that the listing of a tree goes on with the others.
#pragma warning disable CS1998 // There is nothing to wait for.
    private async IAsyncEnumerable<ItemInfo> RefuseListingAsync(string directory)
    {
        ThrowIfDenied(directory, AccessRights.List);
        yield break;
    }
#pragma warning restore CS1998

    private async IAsyncEnumerable<TemporaryItem> ListAllowedAsync(
        IAsyncEnumerable<TemporaryItem> items, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var item in items.WithCancellation(cancellationToken).ConfigureAwait(false))
            if (permissions.Allows(item.Id, AccessRights.List)) yield return item;
    }

    // An item named by its content may be anywhere below the namespace.
    private StoreMode EnsureMayWriteBelow(string directory, StoreMode mode)
    {
        permissions.ThrowIfDeniedBelow(directory, PermissionMap.AnyWrite);
        return permissions.AllowsBelow(directory, AccessRights.Overwrite) ? mode : StoreMode.CreateNew;
    }

    private StoreMode EnsureMayWrite(string name, StoreMode mode)
    {
        ThrowIfDenied(name, PermissionMap.AnyWrite);
        return permissions.Allows(name, AccessRights.Overwrite) ? mode : StoreMode.CreateNew;
    }

    private void ThrowIfDenied(string name, AccessRights anyOf) => permissions.ThrowIfDenied(name, anyOf);
}
