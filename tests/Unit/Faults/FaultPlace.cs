using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rest;
using BorgStore.Backends.S3;
using BorgStore.Diagnostics;
using BorgStore.Layout;
using BorgStore.Security;
using BorgStore.Tests.Rclone;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.Faults;

/// <summary>A location for a store on a real backend, in which tests cause faults.</summary>
internal sealed class FaultPlace : IAsyncDisposable
{
    /// <summary>The backends that finally use a folder on this machine, which can be full or read-only.</summary>
    public static readonly string[] OnFolders = ["file", "cached", "http", "sftp", "rclone"];

    /// <summary>All backends.</summary>
    public static readonly string[] All = [.. OnFolders, "s3"];

    private readonly Func<IBackend> _create;
    private readonly IAsyncDisposable? _server;
    private readonly string? _cacheFolder;
    private readonly long? _quota;

    private FaultPlace(string url, Func<IBackend> create, IAsyncDisposable? server = null, string? cacheFolder = null, long? quota = null)
        => (Url, _create, _server, _cacheFolder, _quota) = (StoreUrl.Redact(url), create, server, cacheFolder, quota);

    public string Url { get; }

    /// <summary>Creates a location; skips the test if its server is missing.</summary>
    /// <param name="kind">One of <see cref="All"/>.</param>
    /// <param name="ceph">The S3 server.</param>
    /// <param name="folder">The test's own folder, where a local store is in <c>store</c>.</param>
    /// <param name="quota">The quota, for backends that have one.</param>
    public static async Task<FaultPlace> MakeAsync(string kind, CephServer ceph, string folder, long? quota = null)
    {
        var path = Path.Combine(folder, "store");
        var fileUrl = new Uri(path).AbsoluteUri;
        switch (kind)
        {
            case "file":
                return new(fileUrl, () => new FileBackend(path, new() { Quota = quota }));
            case "cached":
                return new(fileUrl, () => new FileBackend(path, new() { Quota = quota }), cacheFolder: Directory.CreateTempSubdirectory("borgstore-").FullName, quota: quota);
            case "http":
                var server = await InProcessServer.StartAsync(path, options => options with { Quota = quota });
                return new(server.Url, () => new RestBackend(server.Url), server);
            case "sftp":
                var sshd = OpenSshServer.Instance;
                Assert.SkipWhen(sshd.Missing is not null, sshd.Missing ?? "");
                var sftpUrl = $"sftp://{Environment.UserName}@127.0.0.1:{sshd.Port}/{path}";
                return new(sftpUrl, () => SshServer.CreateBackend(sshd.Url(path), sshd.SharedOptions));
            case "rclone":
                RcloneProgram.Require();
                return new($"rclone:{path}", () => new RcloneBackend($"rclone:{path}"));
            default:
                var url = (await ceph.GetAsync()).UrlOf($"faults/{Guid.NewGuid():n}");
                return new(url, () => S3Backend.Create(url, new()));
        }
    }

    /// <summary>Creates a backend like that of a store.</summary>
    public IBackend CreateBackend() => new ExplainingBackend(_create(), Url);

    /// <summary>Creates a store and opens it.</summary>
    public async Task<Store> CreateStoreAsync(PermissionMap? permissions = null)
    {
        await using (var creator = CreateBackend()) await creator.CreateAsync(CancellationToken.None);
        return await OpenStoreAsync(permissions);
    }

    /// <summary>Opens the store.</summary>
    public Task<Store> OpenStoreAsync(PermissionMap? permissions = null)
    {
        var policy = new CachePolicy(_cacheFolder is null ? CacheMode.Off : CacheMode.WriteThrough);
        var options = new StoreOptions(Url)
        {
            Permissions = permissions,
            Quota = _quota,
            Layout = new([new("config", 0), new NamespaceLayout("data", 2) { Cache = policy }]),
            CacheUrl = _cacheFolder is null ? null : new Uri(Path.Combine(_cacheFolder, "cache")).AbsoluteUri,
        };
        // A cached store is opened by its URL, so that permissions apply before the cache.
        if (_cacheFolder is not null) return Store.OpenAsync(options);
        return Store.OpenAsync(permissions is null ? _create() : new PermissionBackend(_create(), permissions), options);
    }

    public async ValueTask DisposeAsync()
    {
        await using (var destroyer = CreateBackend())
        {
            try
            {
                await destroyer.DestroyAsync(CancellationToken.None);
            }
            catch (StoreException)
            {
                // The store does not exist or cannot be destroyed; it is deleted with the folder of the test.
            }
        }
        if (_server is not null) await _server.DisposeAsync();
        if (_cacheFolder is not null) Directory.Delete(_cacheFolder, recursive: true);
    }
}
