using BorgStore.Backends.Files;
using BorgStore.Layout;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Caching;

/// <summary>Base class for tests of cached stores, with a store and its cache in two folders.</summary>
public abstract class CachingFixture : StoreFixture
{
    private protected CachingFixture() => (Primary, Cache) = (NewBackend("store"), NewBackend("cache"));

    /// <summary>The storage of the store that is opened next.</summary>
    private protected ScriptedBackend Primary { get; private set; }

    /// <summary>The cache of the store that is opened next.</summary>
    private protected ScriptedBackend Cache { get; private set; }

    protected List<string> Warnings { get; } = [];

    protected static CachePolicy WriteThrough { get; } = new(CacheMode.WriteThrough);

    protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Opens a store whose namespace data is cached, creating it if necessary.</summary>
    protected async Task<Store> OpenCachedAsync(CachePolicy policy, int level = 0)
    {
        if (!Directory.Exists(Folder.Combine("store"))) Directory.CreateDirectory(Folder.Combine("store"));
        (Primary, Cache) = (Renew(Primary, "store"), Renew(Cache, "cache"));
        var layout = new StoreLayout([new NamespaceLayout("data", level) { Cache = policy }, new NamespaceLayout("config", 0)]);
        return await Store.OpenAsync(Primary, new("file:///test") { Layout = layout, CacheBackend = policy.Mode == CacheMode.Off ? null : Cache, Warning = Warn }, Ct);
    }

    protected void Warn(string text)
    {
        lock (Warnings) Warnings.Add(text);
    }

    protected string[] CachedFiles() => Directory.Exists(Folder.Combine("cache"))
        ? [.. Directory.EnumerateFiles(Folder.Combine("cache"), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Folder.Combine("cache"), file).Replace('\\', '/'))
            .Where(file => !file.EndsWith(".hid", StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
        : [];

    protected static byte[] Random(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected static double Figure(Store store, string name) => store.GetStatistics().ToDictionary()[name];

    // A closed backend cannot be reopened, so its settings are copied to the next one.
    private ScriptedBackend Renew(ScriptedBackend backend, string folder)
    {
        var renewed = NewBackend(folder);
        (renewed.Before, renewed.OnLoaded) = (backend.Before, backend.OnLoaded);
        return renewed;
    }

    // Durability is not tested here, and flushing takes time.
    private ScriptedBackend NewBackend(string folder) => new(new FileBackend(Folder.Combine(folder), new() { Durability = Durability.None }));
}
