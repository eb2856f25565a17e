using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.S3;

public sealed class S3ContractTests(CephServer ceph) : BackendContract
{
    private readonly string _path = $"contract/{Guid.NewGuid():n}";

    protected override BackendLimits Limits => BackendLimits.NamesOfDirectoriesAreFree;

    protected override async ValueTask<IBackend> CreateBackendAsync() => S3Backend.Create((await ceph.GetAsync()).UrlOf(_path), new());

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        await (await ceph.GetAsync()).PutAsync($"{_path}/{path}", content);
        return true;
    }

    // The markers of directories are no files.
    protected override async ValueTask<IReadOnlyList<string>?> ListRawAsync()
    {
        var server = await ceph.GetAsync();
        Assert.Equal(0, await server.CountUploadsAsync(_path + "/"));
        return [.. (await server.ListAsync(_path + "/")).Where(key => !key.EndsWith('/')).Select(key => key[(_path.Length + 1)..])];
    }
}
