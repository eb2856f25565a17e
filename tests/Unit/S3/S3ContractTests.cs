using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.S3;
using BorgStore.Caching;
using BorgStore.Layout;
using BorgStore.Tests.Backends;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

public class S3ContractTests(CephServer ceph) : BackendContract
{
    private readonly string _path = $"contract/{Guid.NewGuid():n}";

    protected override BackendLimits Limits => BackendLimits.NamesOfDirectoriesAreFree;

    protected override bool KnowsDeletedTime => true;

    // Ceph makes a new object conditionally, but not a copy.
    protected override bool Copies(StoreMode mode) => mode == StoreMode.Overwrite;

    protected override async ValueTask<IBackend> CreateBackendAsync() => S3Backend.Create((await ceph.GetAsync()).UrlOf(_path), new());

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        await (await ceph.GetAsync()).PutAsync($"{_path}/{path}", content);
        return true;
    }

    protected override async ValueTask<bool> PutUnfinishedAsync(string name)
    {
        await (await ceph.GetAsync()).Client.InitiateMultipartUploadAsync(CephServer.BucketName, $"{_path}/{name}", Ct);
        return true;
    }

    // Markers of directories are not files.
    protected override async ValueTask<IReadOnlyList<string>?> ListRawAsync()
    {
        var server = await ceph.GetAsync();
        Assert.Equal(0, await server.CountUploadsAsync(_path + "/"));
        return [.. (await server.ListAsync(_path + "/")).Where(key => !key.EndsWith('/')).Select(key => key[(_path.Length + 1)..])];
    }
}

/// <summary>The same with a folder as its cache.</summary>
public sealed class CachedS3ContractTests(CephServer ceph) : S3ContractTests(ceph)
{
    protected override string? WholeElsewhere => "S3 without a cache, and on caches before other stores";

    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    protected override async ValueTask<IBackend> CreateBackendAsync()
    {
        var layout = new StoreLayout([new NamespaceLayout("", 0) { Cache = new(CacheMode.WriteThrough) { Size = 4 << 20 } }]);
        var cache = new CacheStorage(new FileBackend(_folder.Combine("cache")), "cache", new(), warning =>
        {
            lock (_warnings) _warnings.Add(warning);
        });
        return new CachingBackend(await base.CreateBackendAsync(), cache, layout, "store");
    }

    protected override ValueTask CleanUpAsync()
    {
        _folder.Dispose();
        Assert.Empty(_warnings);
        return ValueTask.CompletedTask;
    }
}
