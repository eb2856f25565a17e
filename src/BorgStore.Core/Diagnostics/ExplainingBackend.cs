using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Diagnostics;

/// <summary>Rewrites backend errors in the caller's terms: full names instead
/// of nested ones, the store's URL, and one wording for all backends.</summary>
/// <param name="inner">The wrapped backend.</param>
/// <param name="displayUrl">The URL without its password; <see langword="null"/> for a server, which must not disclose where its store is.</param>
internal sealed class ExplainingBackend(IBackend inner, string? displayUrl) : DelegatingBackend(inner)
{
    /// <summary>The namespaces; <see langword="null"/> until they are known.</summary>
    public StoreLayout? Layout { get; set; }

    public override int DeleteBatchSize => Inner.DeleteBatchSize;

    public override Task CreateAsync(CancellationToken cancellationToken) => OnStoreAsync("create", () => Inner.CreateAsync(cancellationToken));

    public override Task DestroyAsync(CancellationToken cancellationToken) => OnStoreAsync("destroy", () => Inner.DestroyAsync(cancellationToken));

    public override Task OpenAsync(CancellationToken cancellationToken) => OnStoreAsync("open", () => Inner.OpenAsync(cancellationToken));

    public override async ValueTask FlushAsync(CancellationToken cancellationToken)
        => await OnStoreAsync("flush", () => Inner.FlushAsync(cancellationToken).AsTask()).ConfigureAwait(false);

    public override async ValueTask<QuotaInfo> GetQuotaAsync(CancellationToken cancellationToken)
    {
        var quota = default(QuotaInfo);
        await OnStoreAsync("read the quota of", async () => quota = await Inner.GetQuotaAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return quota;
    }

    public override async ValueTask MakeDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await Inner.MakeDirectoryAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain($"create the directory '{name}'", name);
        }
    }

    public override async ValueTask<bool> RemoveDirectoryAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.RemoveDirectoryAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain($"remove the directory '{name}'", name);
        }
    }

    public override async ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.FindAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfItem(e, "look for", name);
        }
    }

    public override async ValueTask<ValueStream?> LoadAsync(string name, ByteRange range, CancellationToken cancellationToken)
    {
        try
        {
            var value = await Inner.LoadAsync(name, range, cancellationToken).ConfigureAwait(false);
            // Reading a value in memory cannot fail.
            return value is null or MemoryValueStream ? value : new ExplainedStream(value, e => OfItem(e, "load", name));
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfItem(e, "load", name);
        }
    }

    public override async ValueTask<ValueStream> GatherAsync(IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        try
        {
            var value = await Inner.GatherAsync(blocks, cancellationToken).ConfigureAwait(false);
            return value is MemoryValueStream ? value : new ExplainedStream(value, e => OfBlocks(e, blocks));
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfBlocks(e, blocks);
        }
    }

    public override async ValueTask StoreAsync(string name, StoreValue value, StoreMode mode, CancellationToken cancellationToken)
    {
        try
        {
            await Inner.StoreAsync(name, value, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfItem(e, "store", name);
        }
    }

    public override ValueOrigin? FindOrigin(string name) => Inner.FindOrigin(name);

    public override async ValueTask<long?> CopyFromAsync(ValueOrigin origin, string name, StoreMode mode, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.CopyFromAsync(origin, name, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfItem(e, "store", name);
        }
    }

    public override async ValueTask<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.DeleteAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfItem(e, "delete", name);
        }
    }

    public override async ValueTask<IReadOnlyList<DeleteFailure>> DeleteManyAsync(
        IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        try
        {
            var failures = await Inner.DeleteManyAsync(names, cancellationToken).ConfigureAwait(false);
            return failures.Count == 0 ? failures : [.. failures.Select(failure => failure with { Reason = OfItem(failure.Reason, "delete", failure.Name) })];
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain($"delete {names.Count} items", displayUrl);
        }
    }

    public override async ValueTask<bool> MoveAsync(string name, string newName, StoreMode mode, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.MoveAsync(name, newName, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfMove(e, name, newName);
        }
    }

    public override IAsyncEnumerable<ItemInfo>? ListRawTreeAsync(string directory, string after, CancellationToken cancellationToken)
        => Inner.ListRawTreeAsync(directory, after, cancellationToken);

    public override async ValueTask<string?> HashAsync(string name, HashKind algorithm, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.HashAsync(name, algorithm, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw OfItem(e, "compute the hash of", name);
        }
    }

    public override async ValueTask<string> DefragAsync(DefragRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.DefragAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw FindSource(e, request.Sources) is { } source
                ? OfItem(e, "read a part of", source)
                : e.Explain("create an item from parts", request.Target is { } target ? Unnest(target).Name : request.Namespace);
        }
    }

    public override async ValueTask<bool> DeleteTemporaryAsync(TemporaryItem item, CancellationToken cancellationToken)
    {
        try
        {
            return await Inner.DeleteTemporaryAsync(item, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain($"remove '{item.Id}'", item.Id);
        }
    }

    /// <summary>Rewords the failure of an operation on an item.</summary>
    /// <param name="e">The failure.</param>
    /// <param name="doing">The operation.</param>
    /// <param name="nested">Its nested name.</param>
    public StoreException OfItem(StoreException e, string doing, string nested)
    {
        var name = Unnest(nested).Name;
        return e.Explain($"{doing} '{name}'", name);
    }

    private StoreException OfBlocks(StoreException e, IReadOnlyList<Block> blocks)
        => FindSource(e, blocks) is { } source ? OfItem(e, "read a part of", source) : e.Explain($"gather {blocks.Count} parts of items", displayUrl);

    // The storage names the item that caused the failure.
    private static string? FindSource(StoreException e, IReadOnlyList<Block> blocks)
        => e.Name is { } name && blocks.Any(block => block.Name == name) ? name : null;

    // For the storage, soft deletion, restoration and changes of level are renames.
    private StoreException OfMove(StoreException e, string nested, string newNested)
    {
        var (name, isDeleted) = Unnest(nested);
        var (newName, willBeDeleted) = Unnest(newNested);
        var task = name != newName ? $"move '{name}' to '{newName}'"
            : isDeleted == willBeDeleted ? $"move '{name}' to another level"
            : isDeleted ? $"restore '{name}'" : $"soft-delete '{name}'";
        return e.Explain(task, name);
    }

    /// <summary>Rewrites a retry in the caller's terms.</summary>
    public StoreRetry Explain(StoreRetry retry) => retry.Name is { } nested ? retry with { Name = Unnest(nested).Name } : retry;

    private async Task OnStoreAsync(string doing, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (StoreException e) when (e.NeedsExplanation)
        {
            throw e.Explain(displayUrl is null ? $"{doing} the store" : $"{doing} the store '{displayUrl}'", displayUrl);
        }
    }

    private sealed class ExplainedStream(ValueStream value, Func<StoreException, StoreException> explain) : ValueStream
    {
        public override long Length => value.Length;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                return await value.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (StoreException e) when (e.NeedsExplanation)
            {
                throw explain(e);
            }
        }

        public override async ValueTask<byte[]> ReadToEndAsync(CancellationToken cancellationToken = default)
        {
            try
            {
                return await value.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (StoreException e) when (e.NeedsExplanation)
            {
                throw explain(e);
            }
        }

        public override async ValueTask DisposeAsync()
        {
            await value.DisposeAsync().ConfigureAwait(false);
            await base.DisposeAsync().ConfigureAwait(false);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) value.Dispose();
            base.Dispose(disposing);
        }
    }

    private (string Name, bool IsDeleted) Unnest(string nested)
    {
        var prefix = Layout?.Find(nested) is { Name.Length: > 0 } ns ? ns.Name.Length + 1 : 0;
        var (key, _, isDeleted) = Nesting.Unnest(nested[prefix..]);
        return (nested[..prefix] + key, isDeleted);
    }
}
