using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Caching;
using BorgStore.Layout;
using BorgStore.Tests.Rest;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Caching;

/// <summary>The contract on our REST client with a cache.</summary>
[Trait("Category", "Server")]
public abstract class CachedRestContract(CachePolicy policy) : RestContract
{
    private readonly List<string> _warnings = [];
    private InProcessServer? _server;

    protected override string Url => _server!.Url;

    public override async ValueTask InitializeAsync()
    {
        _server = await InProcessServer.StartAsync(StorePath);
        await base.InitializeAsync();
    }

    protected override async ValueTask<IBackend> CreateBackendAsync()
    {
        var layout = new StoreLayout([new NamespaceLayout("", 0) { Cache = policy }]);
        var cache = new CacheStorage(new FileBackend(ServerPath("cache")), "cache", new(), warning =>
        {
            lock (_warnings) _warnings.Add(warning);
        });
        return new CachingBackend(await base.CreateBackendAsync(), cache, layout, "store");
    }

    protected override async ValueTask StopServerAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        Assert.Empty(_warnings);
    }
}

public sealed class RestWriteThroughTests() : CachedRestContract(new(CacheMode.WriteThrough) { Size = 4 << 20, MaxAge = TimeSpan.FromMinutes(1) });

public sealed class RestMirrorTests() : CachedRestContract(new(CacheMode.Mirror))
{
    protected override string? WholeElsewhere => "a cache before a folder, and on the other kind of cache before a server";
}
