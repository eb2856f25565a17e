using BorgStore.Backends;
using BorgStore.Backends.Files;

namespace BorgStore.Tests.Backends.Files;

/// <summary>On file systems in user space, which a sync of the whole file system does not reach, each
/// value is synced separately, as seen from the underlying directory.</summary>
public sealed class FuseDurabilityTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly FuseMount _mount;

    public FuseDurabilityTests() => _mount = new(_directory);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _mount.DisposeAsync();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("bindfs")]
    [InlineData("mergerfs")]
    public async Task A_batch_is_synced_when_the_store_is_closed(string program)
    {
        var backend = await OpenAsync(program, Durability.Batch);
        for (var i = 0; i < 20; i++) await StoreAsync(backend, $"data/{i}");
        await backend.MoveAsync("data/0", "data/moved", StoreMode.Overwrite, Ct);
        await backend.DisposeAsync();

        var syncs = await _mount.ReadSyncsAsync();
        // The values, while they are still unfinished.
        Assert.Equal(20, syncs.Where(path => path.EndsWith(".tmp", StringComparison.Ordinal)).Distinct().Count());
        // The directory entries.
        foreach (var name in Enumerable.Range(1, 19).Select(i => $"store/data/{i}").Append("store/data/moved")) Assert.Contains(name, syncs);
    }

    [Theory]
    [InlineData("bindfs")]
    [InlineData("mergerfs")]
    public async Task Each_value_is_synced_before_it_is_acknowledged(string program)
    {
        await using var backend = await OpenAsync(program, Durability.Each);
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Ct },
            async (i, _) => await StoreAsync(backend, $"data/{i % 10}/{i}"));

        var syncs = await _mount.ReadSyncsAsync();
        Assert.Equal(200, syncs.Where(path => path.EndsWith(".tmp", StringComparison.Ordinal)).Distinct().Count());
        for (var i = 0; i < 200; i++) Assert.Contains($"store/data/{i % 10}/{i}", syncs);
    }

    [Fact]
    public async Task A_namespace_on_another_file_system_is_synced_separately()
    {
        // The store is on disk, but its values are behind a link.
        await _mount.MountAsync("bindfs");
        Directory.CreateDirectory(_directory["store"]);
        File.CreateSymbolicLink(_directory["store/data"], _mount.Path);
        await using (var backend = new FileBackend(_directory["store"]))
        {
            await backend.OpenAsync(Ct);
            await StoreAsync(backend, "data/a");
        }
        Assert.Contains("a", await _mount.ReadSyncsAsync());
    }

    private static Task StoreAsync(FileBackend backend, string name) => backend.StoreAsync(name, new byte[100], StoreMode.Overwrite, Ct).AsTask();

    private async Task<FileBackend> OpenAsync(string program, Durability durability)
    {
        await _mount.MountAsync(program);
        var backend = new FileBackend(Path.Combine(_mount.Path, "store"), new BackendOptions { Durability = durability });
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        return backend;
    }
}
