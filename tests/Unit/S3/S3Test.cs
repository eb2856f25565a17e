using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>A test with a store of its own on the real server.</summary>
public abstract class S3Test(CephServer ceph, string? ownBucket = null) : IAsyncLifetime
{
    private CephServer.Running? _server;
    private IBackend? _store;

    protected string Path { get; } = $"tests/{Guid.NewGuid():n}";

    protected string Bucket => ownBucket ?? CephServer.BucketName;

    protected CephServer.Running Server => _server!;

    protected IBackend Store => _store!;

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    public virtual async ValueTask InitializeAsync()
    {
        _server = await ceph.GetAsync();
        if (ownBucket is not null) await Server.Client.PutBucketAsync(ownBucket, Ct);
        await using (var creator = S3Backend.Create(Url(), new())) await creator.CreateAsync(Ct);
        _store = await OpenAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_store is null) return;
        await _store.DisposeAsync();
        await using var destroyer = S3Backend.Create(Url(), new());
        try
        {
            await destroyer.DestroyAsync(CancellationToken.None);
        }
        catch (StoreException e) when (e.Error == StoreError.StoreDoesNotExist)
        {
            // Foreign keys stay until the server ends.
        }
    }

    protected async Task<IBackend> OpenAsync(Uri? endpoint = null)
    {
        var backend = S3Backend.Create(Url(endpoint), new());
        await backend.OpenAsync(Ct);
        return backend;
    }

    protected string Url(Uri? endpoint = null) => Server.UrlOf(Path, endpoint, Bucket);

    protected static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected async Task<byte[]?> LoadAsync(string name, ByteRange range = default)
    {
        var stream = await Store.LoadAsync(name, range, Ct);
        if (stream is null) return null;
        await using (stream) return await stream.ReadToEndAsync(Ct);
    }

    protected async Task<List<string>> ListAsync(string directory, ListScope scope)
    {
        var names = new List<string>();
        await foreach (var item in Store.ListAsync(directory, scope, Ct)) names.Add(item.Name);
        return names;
    }

    protected async Task PutManyAsync(IEnumerable<string> names)
        => await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct },
            async (name, token) => await Store.StoreAsync(name, new byte[] { 1 }, StoreMode.Overwrite, token));

    protected static async Task<StoreException> AssertFailsAsync(StoreError error, Func<Task> act)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(error, exception.Error);
        return exception;
    }
}
