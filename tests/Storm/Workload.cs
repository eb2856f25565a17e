using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;
using BorgStore.Naming;

namespace BorgStore.Tests.Storm;

/// <summary>The operations that are measured, on the names of a namespace <c>data</c>.</summary>
internal abstract class Workload : IAsyncDisposable
{
    /// <summary>Values up to this size are loaded into memory, larger ones are read as a stream [bytes].</summary>
    protected const int InMemory = 1 << 20;

    [ThreadStatic]
    private static byte[]? _buffer;

    /// <summary>Creates or opens a store for the workload.</summary>
    /// <param name="url">The store, which is created if it does not exist.</param>
    /// <param name="level">The level of the namespace; <see langword="null"/> to call the storage alone.</param>
    /// <param name="cacheUrl">The cache, if there is one.</param>
    public static async Task<Workload> OpenAsync(string url, int? level, string? cacheUrl)
    {
        if (level is { } known)
        {
            var layout = new NamespaceLayout("data", known) { Cache = cacheUrl is null ? CachePolicy.Off : new(CacheMode.WriteThrough) };
            var options = new StoreOptions(url) { Layout = new([layout]), CacheUrl = cacheUrl, Durability = Durability.None };
            return new OfStore(await OrAsync(() => Store.CreateAsync(options), () => Store.OpenAsync(options)), options);
        }
        var backend = BackendFactory.Create(url, new() { Durability = Durability.None });
        await OrAsync(async () => { await backend.CreateAsync(default); return true; }, () => Task.FromResult(false));
        await backend.OpenAsync(default);
        await backend.MakeDirectoryAsync("data", default);
        return new OfBackend(backend);
    }

    public abstract ValueTask StoreAsync(string name, byte[] value);

    public abstract ValueTask LoadAsync(string name, ByteRange range, long size);

    public abstract ValueTask FindAsync(string name);

    public abstract ValueTask<string> HashAsync(string name, HashKind kind);

    public abstract ValueTask MoveAsync(string name, string newName);

    public abstract ValueTask SoftDeleteAsync(string name);

    public abstract ValueTask UndeleteAsync(string name);

    public abstract ValueTask DeleteAsync(string name);

    public abstract ValueTask<string> DefragAsync(IReadOnlyList<Block> blocks, string target);

    /// <summary>Lists the namespace.</summary>
    /// <returns>The number of items.</returns>
    public abstract ValueTask<int> ListAsync();

    /// <summary>Lists the whole store.</summary>
    /// <returns>The number of items.</returns>
    public abstract ValueTask<int> ListAllAsync();

    /// <summary>Lists the first item of the namespace.</summary>
    public virtual ValueTask ListFirstAsync() => throw new NotSupportedException();

    /// <summary>Opens the store once more, as another program would, and closes it.</summary>
    public virtual Task OpenAgainAsync() => throw new NotSupportedException();

    public abstract ValueTask DisposeAsync();

    private static async Task<T> OrAsync<T>(Func<Task<T>> create, Func<Task<T>> open)
    {
        try
        {
            return await create();
        }
        catch (StoreException e) when (e.Error == StoreError.StoreAlreadyExists)
        {
            return await open();
        }
    }

    private static async ValueTask ReadAsync(ValueStream? stream)
    {
        await using var value = stream ?? throw new InvalidDataException("An item is missing.");
        while (await value.ReadAsync(_buffer ??= new byte[256 * 1024]) > 0)
        {
        }
    }

    private sealed class OfStore(Store store, StoreOptions options) : Workload
    {
        public override ValueTask StoreAsync(string name, byte[] value) => store.StoreAsync(name, value);

        public override async ValueTask LoadAsync(string name, ByteRange range, long size)
        {
            if (size <= InMemory) await store.LoadAsync(name, range);
            else await ReadAsync(await store.OpenReadAsync(name, range));
        }

        public override async ValueTask FindAsync(string name) => _ = await store.GetInfoAsync(name);

        public override ValueTask<string> HashAsync(string name, HashKind kind) => store.HashAsync(name, kind);

        public override ValueTask MoveAsync(string name, string newName) => store.MoveAsync(name, newName);

        public override ValueTask SoftDeleteAsync(string name) => store.SoftDeleteAsync(name);

        public override ValueTask UndeleteAsync(string name) => store.UndeleteAsync(name);

        public override ValueTask DeleteAsync(string name) => store.DeleteAsync(name);

        public override ValueTask<string> DefragAsync(IReadOnlyList<Block> blocks, string target) => store.DefragAsync("data", blocks, target);

        public override ValueTask<int> ListAsync() => store.ListAsync("data").CountAsync();

        public override ValueTask<int> ListAllAsync() => store.ListAllAsync().CountAsync();

        public override async ValueTask ListFirstAsync() => _ = await store.ListAsync("data").FirstAsync();

        public override async Task OpenAgainAsync()
        {
            await using var another = await Store.OpenAsync(options);
        }

        public override ValueTask DisposeAsync() => store.DisposeAsync();
    }

    private sealed class OfBackend(IBackend backend) : Workload
    {
        public override ValueTask StoreAsync(string name, byte[] value) => backend.StoreAsync(name, value, StoreMode.Overwrite, default);

        public override async ValueTask LoadAsync(string name, ByteRange range, long size)
        {
            var stream = await backend.LoadAsync(name, range, default);
            if (size > InMemory)
            {
                await ReadAsync(stream);
                return;
            }
            await using var value = stream ?? throw new InvalidDataException("An item is missing.");
            await value.ReadToEndAsync();
        }

        public override async ValueTask FindAsync(string name) => _ = await backend.FindAsync(name, default);

        public override async ValueTask<string> HashAsync(string name, HashKind kind)
            => await backend.HashAsync(name, kind, default) ?? throw new InvalidDataException("An item is missing.");

        public override async ValueTask MoveAsync(string name, string newName) => await backend.MoveAsync(name, newName, StoreMode.Overwrite, default);

        public override ValueTask SoftDeleteAsync(string name) => MoveAsync(name, name + Suffixes.Deleted);

        public override ValueTask UndeleteAsync(string name) => MoveAsync(name + Suffixes.Deleted, name);

        public override async ValueTask DeleteAsync(string name) => await backend.DeleteAsync(name, default);

        public override ValueTask<string> DefragAsync(IReadOnlyList<Block> blocks, string target)
            => backend.DefragAsync(new DefragRequest(blocks) { Target = target, Namespace = "data" }, default);

        public override ValueTask<int> ListAsync() => backend.ListAsync("data", ListScope.OneLevel, default).CountAsync();

        public override ValueTask<int> ListAllAsync() => backend.ListAsync("", ListScope.Tree, default).CountAsync();

        public override ValueTask DisposeAsync() => backend.DisposeAsync();
    }
}
