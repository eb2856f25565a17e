using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Linux;
using BorgStore.Backends.Files.Portable;

namespace BorgStore.Tests.Backends.Files;

public sealed class FileDurabilityTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private RecordingFileSystem _calls = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private IEnumerable<string> Syncs => _calls.Calls.Where(call => call.StartsWith("sync", StringComparison.Ordinal));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Flush_writes_a_batch_to_disk_with_a_single_sync()
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
    public async Task Without_a_whole_file_system_sync_a_batch_syncs_values_immediately_and_names_on_flush()
    {
        await using var backend = await OpenAsync(Durability.Batch, whole: false);
        await StoreAsync(backend, "data/01/a");
        await StoreAsync(backend, "data/01/b");
        Assert.Equal(["sync file", "sync file"], Syncs);
        await backend.MoveAsync("data/01/a", "data/02/c", StoreMode.Overwrite, Ct);
        await backend.DeleteAsync("data/01/b", Ct);
        _calls.Calls.Clear();
        await backend.FlushAsync(Ct);
        await backend.FlushAsync(Ct);
        Assert.Equal(
            ["sync directory ", "sync directory data", "sync directory data", "sync directory data/01", "sync directory data/02",
                "sync name data/01/a", "sync name data/01/b", "sync name data/02/c"],
            Syncs.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Without_a_whole_file_system_sync_each_value_is_synced_separately()
    {
        await using var backend = await OpenAsync(Durability.Each, whole: false);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => StoreAsync(backend, $"data/{i}")));
        Assert.Equal(100, Syncs.Count(call => call == "sync file"));
        Assert.Equal(100, Syncs.Count(call => call.StartsWith("sync name data/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Creating_a_store_syncs_the_directories_above_it()
    {
        RecordingFileSystem calls = null!;
        await using var backend = new FileBackend(_directory["a/b/store"], new BackendOptions(),
            root => calls = new RecordingFileSystem(new PortableFileSystem(root)) { IsSyncedAsAWhole = false });
        await backend.CreateAsync(Ct);
        Assert.Equal(["sync directory ..", "sync directory ../..", "sync directory ../../.."],
            calls.Calls.Where(call => call.StartsWith("sync", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_idle_store_is_flushed_within_a_second()
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
    public async Task A_store_that_is_only_read_is_never_synced(Durability durability)
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
    public async Task Each_value_is_synced_before_its_name_and_its_name_before_the_store_returns()
    {
        await using var backend = await OpenAsync(Durability.Each);
        await StoreAsync(backend, "data/01/a");
        Assert.Equal(
            ["mkdir data", "mkdir data/01", "sync file", "rename data/01/a", "sync directory data/01", "sync directory data", "sync directory "],
            _calls.Calls.Where(call => call is not ("open root" or "list ")));
        _calls.Calls.Clear();
        await backend.MoveAsync("data/01/a", "data/02/a", StoreMode.Overwrite, Ct);
        await backend.DeleteAsync("data/02/a", Ct);
        Assert.Equal(
            ["mkdir data/02", "rename data/02/a", "sync directory data/02", "sync directory data", "sync directory data/01", "delete data/02/a",
                "sync directory data/02"],
            _calls.Calls);
    }

    [Fact]
    public async Task A_store_waits_until_a_directory_created_by_another_writer_is_synced()
    {
        await using var backend = await OpenAsync(Durability.Each);
        await StoreAsync(backend, "data/first");
        using var reached = new SemaphoreSlim(0);
        using var release = new ManualResetEventSlim();
        var synced = 0;
        var held = 0;
        _calls.Syncing = call =>
        {
            if (call != "sync directory data") return;
            if (Interlocked.Exchange(ref held, 1) == 0)
            {
                reached.Release();
                release.Wait(Ct);
            }
            Interlocked.Increment(ref synced);
        };
        var maker = Task.Run(() => StoreAsync(backend, "data/01/a"), Ct);
        await reached.WaitAsync(Ct);
        var other = Task.Run(() => StoreAsync(backend, "data/01/b"), Ct);
        await Task.WhenAny(other, Task.Delay(2000, Ct));
        // The other one either waited for the first one's sync or made its own.
        Assert.True(!other.IsCompleted || Volatile.Read(ref synced) > 0);
        release.Set();
        await Task.WhenAll(maker, other);
    }

    [Fact]
    public async Task Concurrent_writers_share_syncs()
    {
        await using var backend = await OpenAsync(Durability.Each);
        await StoreAsync(backend, "data/first");
        _calls.Calls.Clear();
        _calls.SyncTime = TimeSpan.FromMilliseconds(5);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => StoreAsync(backend, $"data/{i}")));
        // Syncing each value and each name separately would take 400.
        Assert.InRange(Syncs.Count(), 1, 300);
        Assert.Contains("sync all", Syncs);
    }

    [Fact]
    public async Task Durability_None_syncs_nothing()
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
    public async Task A_failing_flush_throws(bool portable)
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
    public async Task A_failed_background_flush_is_reported_by_the_next_flush()
    {
        await using var backend = await OpenAsync(Durability.Batch);
        _calls.FailSync = true;
        await StoreAsync(backend, "data/a");
        for (var i = 0; i < 40 && !Syncs.Any(); i++) await Task.Delay(50, Ct);
        await Task.Delay(100, Ct);
        _calls.FailSync = false;
        await Assert.ThrowsAsync<StoreException>(() => backend.FlushAsync(Ct).AsTask());
        await StoreAsync(backend, "data/a");
        await backend.FlushAsync(Ct);
    }

    [Fact]
    public async Task A_failed_background_flush_is_retried_and_warned_about_once()
    {
        var warnings = new ConcurrentQueue<string>();
        await using var backend = await OpenAsync(Durability.Batch, warning: warnings.Enqueue);
        _calls.FailSync = true;
        await StoreAsync(backend, "data/a");
        await UntilAsync(() => Syncs.Count() >= 3);
        var warning = Assert.Single(warnings);
        Assert.Contains("input/output error", warning, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("data/a", warning, StringComparison.Ordinal);

        _calls.FailSync = false;
        await UntilAsync(() => warnings.Count == 2);
        await StoreAsync(backend, "data/a");
        // The next flush still reports the failure.
        await Assert.ThrowsAsync<StoreException>(() => backend.FlushAsync(Ct).AsTask());
        await backend.FlushAsync(Ct);
    }

    [Fact]
    public async Task Flush_fails_until_every_value_in_doubt_after_a_failed_sync_is_stored_again_or_deleted()
    {
        await using var backend = await OpenAsync(Durability.Batch);
        foreach (var name in new[] { "data/a", "data/b", "data/c" }) await StoreAsync(backend, name);
        _calls.FailSync = true;
        await Assert.ThrowsAsync<StoreException>(() => backend.FlushAsync(Ct).AsTask());
        _calls.FailSync = false;

        // The system reports a failure once, and the next sync succeeds without the dropped bytes.
        await backend.MoveAsync("data/c", "data/d", StoreMode.Overwrite, Ct);
        await AssertInDoubtAsync(backend, "3 values");
        await StoreAsync(backend, "data/a");
        await AssertInDoubtAsync(backend, "2 values");
        await backend.DeleteAsync("data/b", Ct);
        await AssertInDoubtAsync(backend, "'data/d'");
        await StoreAsync(backend, "data/e");
        await AssertInDoubtAsync(backend, "'data/d'");
        await StoreAsync(backend, "data/d");
        await backend.FlushAsync(Ct);
    }

    [Fact]
    public async Task A_value_stored_during_a_failing_sync_is_also_in_doubt()
    {
        await using var backend = await OpenAsync(Durability.Batch);
        await StoreAsync(backend, "data/a");
        using var reached = new SemaphoreSlim(0);
        using var release = new ManualResetEventSlim();
        _calls.Syncing = _ =>
        {
            reached.Release();
            release.Wait(Ct);
        };
        _calls.FailSync = true;
        var flush = backend.FlushAsync(Ct).AsTask();
        await reached.WaitAsync(Ct);
        await StoreAsync(backend, "data/b");
        (_calls.Syncing, _calls.FailSync) = (null, true);
        release.Set();
        await Assert.ThrowsAsync<StoreException>(() => flush);
        _calls.FailSync = false;
        await AssertInDoubtAsync(backend, "2 values");
        await StoreAsync(backend, "data/a");
        await StoreAsync(backend, "data/b");
        await backend.FlushAsync(Ct);
    }

    [Fact]
    public async Task Writers_no_longer_share_syncs_after_a_failure()
    {
        await using var backend = await OpenAsync(Durability.Each);
        _calls.FailSync = true;
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Assert.ThrowsAsync<StoreException>(() => StoreAsync(backend, $"data/{i}"))));
        _calls.FailSync = false;
        if (!Syncs.Contains("sync all")) Assert.Skip("No two writers met.");
        _calls.Calls.Clear();
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => StoreAsync(backend, $"data/{i}")));
        Assert.DoesNotContain("sync all", Syncs);
        Assert.Equal(50, Syncs.Count(call => call == "sync file"));
    }

    [Fact]
    public async Task A_value_that_cannot_be_synced_is_not_stored()
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
    public async Task A_tree_listing_skips_items_deleted_while_it_runs()
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

    private static async Task AssertInDoubtAsync(FileBackend backend, string what)
        => Assert.Contains(what, (await Assert.ThrowsAsync<StoreException>(() => backend.FlushAsync(Ct).AsTask())).Message, StringComparison.Ordinal);

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 600 && !condition(); i++) await Task.Delay(50, Ct);
        Assert.True(condition());
    }

    // whole: whether a sync of the whole file system is trusted.
    private async Task<FileBackend> OpenAsync(
        Durability durability, bool portable = false, bool create = true, bool whole = true, Action<string>? warning = null)
    {
        if (!portable && !LinuxFileSystem.IsSupported) Assert.Skip("The system calls of Linux are on Linux only.");
        var backend = new FileBackend(_directory["store"], new BackendOptions { Durability = durability, Warning = warning },
            root => _calls = new RecordingFileSystem(portable ? new PortableFileSystem(root) : new LinuxFileSystem(root))
            {
                IsSyncedAsAWhole = whole && !portable,
            });
        if (create) await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        _calls.Calls.Clear();
        return backend;
    }
}
