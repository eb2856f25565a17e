using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Caching;
using BorgStore.Layout;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Model;

/// <summary>Where the store of a run is.</summary>
internal sealed class ModelPlace : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<IAsyncDisposable> _owned = [];
    private string? _mounted;

    public required string Kind { get; init; }

    public ModelTraits Traits { get; init; }

    /// <summary>Whether requests are repeated if their answer is lost.</summary>
    public bool Repeats { get; init; }

    /// <summary>Whether several stores may use it at once.</summary>
    public bool IsShared { get; init; } = true;

    /// <summary>The store for other processes.</summary>
    public ModelAddress? Address { get; set; }

    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Creates the backend of the workers.</summary>
    public Func<IBackend>? Create { get; set; }

    /// <summary>Creates the backend that shows what is really there, if that is another one.</summary>
    public Func<IBackend>? CreateDirect { get; set; }

    /// <summary>Problems that failed no operation.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Requests that were repeated.</summary>
    public ConcurrentQueue<string> Retries { get; } = [];

    /// <summary>The folder of the place.</summary>
    public string Folder => _folder.Path;

    public string StorePath => Path.Combine(_mounted ?? Folder, "store");

    public IBackend CreateBackend(bool isDirect = false)
        => (isDirect ? CreateDirect ?? Create : Create)?.Invoke() ?? Address!.CreateBackend();

    public T Own<T>(T disposable)
        where T : IAsyncDisposable
    {
        _owned.Add(disposable);
        return disposable;
    }

    /// <summary>Options of a backend that reports what it repeats.</summary>
    public BackendOptions Options => new() { Retried = retry => Retries.Enqueue($"{retry.Name}, attempt {retry.Attempt}: {retry.Reason}") };

    private void Warn(string text)
    {
        lock (Warnings) Warnings.Add(text);
    }

    /// <summary>Mounts a small file system in memory, in which the store is then.</summary>
    public async Task MountAsync(string options)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "A file system in memory is mounted on Linux only.");
        var path = _folder.Combine("mounted");
        Directory.CreateDirectory(path);
        Assert.SkipUnless(await Programs.RunAsync("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) is (0, _), "Mounting needs to be root.");
        _mounted = path;
    }

    /// <summary>Creates the store, empty.</summary>
    public async Task<ModelPlace> CreateStoreAsync()
    {
        await using var creator = CreateBackend(isDirect: true);
        await creator.CreateAsync(TestContext.Current.CancellationToken);
        return this;
    }

    /// <summary>Returns a folder as a place.</summary>
    public static Task<ModelPlace> OnFolderAsync(bool isPortable = false, Durability durability = Durability.None)
    {
        var place = new ModelPlace
        {
            Kind = isPortable ? "portable file" : durability == Durability.None ? "file" : $"file, {durability}",
            // As on macOS: a link and a deletion, a look and a deletion.
            Traits = isPortable ? ModelTraits.LinksToMove | ModelTraits.DeletesInSteps : ModelTraits.None,
        };
        place.Address = new(new Uri(place.StorePath).AbsoluteUri, isPortable, durability);
        return place.CreateStoreAsync();
    }

    /// <summary>Returns a folder with another one as its cache.</summary>
    public static Task<ModelPlace> CachedAsync(string kind, CachePolicy policy, TimeProvider? time = null)
    {
        var place = new ModelPlace { Kind = kind, IsShared = false };
        var layout = new StoreLayout([new NamespaceLayout(ModelOperation.Namespace, 1) { Cache = policy }]);
        place.CreateDirect = () => new FileBackend(place.StorePath, new() { Durability = Durability.None });
        place.Create = () => new CachingBackend(place.CreateDirect(), new CacheStorage(
            new FileBackend(Path.Combine(place.Folder, "cache"), new() { Durability = Durability.None }), "cache", new(), place.Warn), layout, "store", time);
        return place.CreateStoreAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned)) await owned.DisposeAsync();
        if (_mounted is not null) await Programs.RunAsync("umount", _mounted);
        _folder.Dispose();
    }
}
