using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Caching;
using BorgStore.Layout;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Caching;

/// <summary>The contract on a directory with another directory as its cache.</summary>
public abstract class CachedBackendContract(CachePolicy policy) : BackendContract
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    protected override BackendLimits Limits => Wine.OfFiles;

    protected override bool KnowsDeletedTime => OperatingSystem.IsLinux();

    protected override bool Copies(StoreMode mode) => policy.Mode != CacheMode.Mirror && OperatingSystem.IsLinux();

    protected override ValueTask<IBackend> CreateBackendAsync()
    {
        var layout = new StoreLayout([new NamespaceLayout("", 0) { Cache = policy }]);
        var cache = new CacheStorage(new FileBackend(_folder.Combine("cache")), "cache", new(), warning =>
        {
            lock (_warnings) _warnings.Add(warning);
        });
        return new(new CachingBackend(new FileBackend(_folder.Combine("store")), cache, layout, "store"));
    }

    protected override ValueTask CleanUpAsync()
    {
        var leftovers = Directory.Exists(_folder.Combine("cache"))
            ? Directory.EnumerateFiles(_folder.Combine("cache"), "*.tmp", SearchOption.AllDirectories).ToArray() : [];
        _folder.Dispose();
        Assert.True(_warnings.Count == 0, string.Join('\n', _warnings));
        Assert.Empty(leftovers);
        return ValueTask.CompletedTask;
    }

    protected override async ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        var file = _folder.Combine("store", path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, content, Ct);
        return true;
    }

    protected override string? RawFolder => _folder.Combine("store");

    protected override ValueTask<bool> PutRawLinkAsync(string path, string target) => MakeLink(_folder.Combine("store", path), target);

    protected override ValueTask<IReadOnlyList<string>?> ListRawAsync() => new(
        [.. Directory.EnumerateFiles(_folder.Combine("store"), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(_folder.Combine("store"), file).Replace('\\', '/'))]);
}

public sealed class WriteThroughTests() : CachedBackendContract(new(CacheMode.WriteThrough));

public sealed class LimitedWriteThroughTests()
    : CachedBackendContract(new(CacheMode.WriteThrough) { Size = 4 << 20, MaxAge = TimeSpan.FromMinutes(1), Verify = true });

/// <summary>With room for hardly any values, so that the cache adds and removes them constantly.</summary>
public sealed class CrampedWriteThroughTests() : CachedBackendContract(new(CacheMode.WriteThrough) { Size = 20_000 })
{
    protected override string? WholeElsewhere => "the cache without a limit";
}

public sealed class MirrorTests() : CachedBackendContract(new(CacheMode.Mirror) { Size = 1 << 20 });
