using BorgStore.Backends;
using BorgStore.Backends.Files;

namespace BorgStore.Tests.Backends.Files;

public sealed class FileDurabilityTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private RecordingCalls _calls = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IEnumerable<string> Syncs => _calls.Calls.Where(call => call.StartsWith("sync", StringComparison.Ordinal));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_batch_is_on_disk_with_one_sync_when_it_is_flushed()
    {
        await using var backend = await OpenAsync(Durability.Batch);
        for (var i = 0; i < 20; i++) await StoreAsync(backend, $"data/{i}");
        Assert.Empty(Syncs);
        await backend.FlushAsync(Ct);
        await backend.FlushAsync(Ct);
        Assert.Equal(["sync all"], Syncs);

        await backend.DeleteAsync("data/1", Ct);
        await backend.MoveAsync("data/2", "data/3", StoreMode.Overwrite, Ct);
        await backend.DisposeAsync();
        Assert.Equal(["sync all", "sync all"], Syncs);
        Assert.Single(_calls.Calls, "open root");
    }

    [Fact]
    public async Task A_batch_without_a_sync_of_all_syncs_what_was_written()
    {
        await using var backend = await OpenAsync(Durability.Batch, portable: true);
        await StoreAsync(backend, "data/a");
        await StoreAsync(backend, "data/b");
        await StoreAsync(backend, "data/b");
        await backend.MoveAsync("data/a", "data/c", StoreMode.Overwrite, Ct);
        await backend.DeleteAsync("data/b", Ct);
        await backend.FlushAsync(Ct);
        Assert.Equal("sync data/a data/b data/c", Assert.Single(Syncs));
    }

    [Fact]
    public async Task A_store_that_is_left_alone_is_flushed_within_a_second()
    {
        await using var backend = await OpenAsync(Durability.Batch);
        await StoreAsync(backend, "data/a");
        await StoreAsync(backend, "data/b");
        Assert.Empty(Syncs);
        for (var i = 0; i < 40 && !Syncs.Any(); i++) await Task.Delay(50, Ct);
        await Task.Delay(100, Ct);
        Assert.Equal(["sync all"], Syncs);
    }

    [Theory]
    [InlineData(Durability.Batch)]
    [InlineData(Durability.Each)]
    public async Task A_store_that_is_only_read_is_never_flushed(Durability durability)
    {
        await using (var writer = await OpenAsync(durability)) await StoreAsync(writer, "data/a");
        await using (var reader = await OpenAsync(durability, create: false))
        {
            await using (var stream = await reader.LoadAsync("data/a", ByteRange.Whole, Ct)) await stream!.ReadToEndAsync(Ct);
            await foreach (var _ in reader.ListAsync("", ListScope.Tree, Ct)) { }
            await reader.FlushAsync(Ct);
            await Task.Delay(1000, Ct);
        }
        Assert.DoesNotContain("open root", _calls.Calls);
        Assert.Empty(Syncs);
    }

    [Fact]
    public async Task Each_value_is_on_disk_before_its_name_and_that_before_the_answer()
    {
        await using var backend = await OpenAsync(Durability.Each);
        await StoreAsync(backend, "data/01/a");
        Assert.Equal(
            ["mkdir data", "sync directory ", "mkdir data/01", "sync directory data", "sync file", "rename data/01/a", "sync directory data/01"],
            _calls.Calls.Where(call => call is not ("open root" or "list ")));
        _calls.Calls.Clear();
        await backend.MoveAsync("data/01/a", "data/02/a", StoreMode.Overwrite, Ct);
        await backend.DeleteAsync("data/02/a", Ct);
        Assert.Equal(
            ["mkdir data/02", "sync directory data", "rename data/02/a", "sync directory data/02", "sync directory data/01", "delete data/02/a",
                "sync directory data/02"],
            _calls.Calls);
    }

    [Fact]
    public async Task Parallel_writers_share_syncs()
    {
        await using var backend = await OpenAsync(Durability.Each);
        await StoreAsync(backend, "data/first");
        _calls.Calls.Clear();
        _calls.SyncTime = TimeSpan.FromMilliseconds(5);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => StoreAsync(backend, $"data/{i}")));
        // Once for the value and once for its name would be 400.
        Assert.InRange(Syncs.Count(), 1, 300);
        Assert.Contains("sync all", Syncs);
    }

    [Fact]
    public async Task Without_durability_nothing_is_synced()
    {
        await using (var backend = await OpenAsync(Durability.None))
        {
            await StoreAsync(backend, "data/a");
            await backend.FlushAsync(Ct);
        }
        Assert.Empty(Syncs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_flush_that_fails_is_told(bool portable)
    {
        var backend = await OpenAsync(Durability.Batch, portable);
        await StoreAsync(backend, "data/a");
        _calls.FailSync = true;
        var exception = await Assert.ThrowsAsync<StoreException>(() => backend.FlushAsync(Ct).AsTask());
        Assert.Equal(StoreError.BackendFailure, exception.Error);
        await Assert.ThrowsAsync<StoreException>(() => backend.DisposeAsync().AsTask());
        await backend.DisposeAsync();
    }

    [Fact]
    public async Task A_background_flush_that_fails_is_told_by_the_next()
    {
        await using var backend = await OpenAsync(Durability.Batch);
        _calls.FailSync = true;
        await StoreAsync(backend, "data/a");
        for (var i = 0; i < 40 && !Syncs.Any(); i++) await Task.Delay(50, Ct);
        await Task.Delay(100, Ct);
        _calls.FailSync = false;
        await Assert.ThrowsAsync<StoreException>(() => backend.FlushAsync(Ct).AsTask());
        await backend.FlushAsync(Ct);
    }

    [Fact]
    public async Task A_value_that_cannot_reach_the_disk_is_not_stored()
    {
        await using var backend = await OpenAsync(Durability.Each);
        await StoreAsync(backend, "data/a");
        _calls.FailSync = true;
        await Assert.ThrowsAsync<StoreException>(() => StoreAsync(backend, "data/b"));
        _calls.FailSync = false;
        Assert.Equal(["data/a"], TestDirectory.FilesBelow(_directory["store"]));
    }

    [Fact]
    public async Task A_tree_listing_reads_one_directory_of_each_level_before_its_first_item()
    {
        await using var backend = await OpenAsync(Durability.None);
        for (var i = 0; i < 100; i++) await StoreAsync(backend, $"data/{i % 10:00}/{i / 10:00}/{i}");
        _calls.Calls.Clear();
        await foreach (var item in backend.ListAsync("data", ListScope.Tree, Ct))
        {
            Assert.Equal("00/00/0", item.Name);
            break;
        }
        Assert.Equal(["list data", "list data/00", "list data/00/00"], _calls.Calls);
    }

    [Fact]
    public async Task What_vanished_is_left_out()
    {
        await using var backend = await OpenAsync(Durability.None);
        foreach (var name in new[] { "data/a", "data/b", "data/c/d" }) await StoreAsync(backend, name);
        var seen = new List<string>();
        await foreach (var item in backend.ListAsync("data", ListScope.Tree, Ct))
        {
            seen.Add(item.Name);
            await backend.DeleteAsync("data/b", Ct);
            if (seen.Count == 1) Directory.Delete(_directory["store/data/c"], recursive: true);
        }
        Assert.Equal(["a"], seen);
    }

    private static Task StoreAsync(FileBackend backend, string name) => backend.StoreAsync(name, new byte[100], StoreMode.Overwrite, Ct).AsTask();

    private async Task<FileBackend> OpenAsync(Durability durability, bool portable = false, bool create = true)
    {
        if (!portable && !LinuxCalls.IsSupported) Assert.Skip("The system calls of Linux are on Linux only.");
        var backend = new FileBackend(_directory["store"], new BackendOptions { Durability = durability },
            root => _calls = new RecordingCalls(portable ? new PortableCalls(root) : new LinuxCalls(root)));
        if (create) await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        _calls.Calls.Clear();
        return backend;
    }
}
