using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Caching;
using BorgStore.Diagnostics;
using BorgStore.Layout;

namespace BorgStore.Tests.Caching;

/// <summary>The limits on size and age of cached values.</summary>
public sealed class CacheLimitTests : CachingFixture
{
    private readonly ManualClock _clock = new();
    private readonly CacheMeter _meter = new();

    [Fact]
    public async Task The_least_recently_used_item_is_evicted_first()
    {
        await using var backend = await OpenAsync(WriteThrough with { Size = 1000 });
        for (var i = 0; i < 10; i++) await StoreAsync(backend, $"data/{i}", 100);
        await LoadAsync(backend, "data/0");
        await LoadAsync(backend, "data/1", new(0, 1));
        await StoreAsync(backend, "data/new", 200);
        // Nothing is evicted before the listing in the background has ended.
        for (var i = 0; i < 100 && CachedFiles().Length > 9; i++) await Task.Delay(100, Ct);
        Assert.Equal(["data/0", "data/1", "data/4", "data/5", "data/6", "data/7", "data/8", "data/9", "data/new"], CachedFiles());
        await StoreAsync(backend, "data/5", 400);
        Assert.Equal(["data/0", "data/1", "data/5", "data/8", "data/9", "data/new"], CachedFiles());
    }

    [Fact]
    public async Task The_access_order_survives_closing_whatever_the_access_times_of_the_file_system()
    {
        await using (var backend = await OpenAsync(WriteThrough with { Size = 1000 }))
            for (var i = 0; i < 10; i++)
            {
                await StoreAsync(backend, $"data/{i}", 100);
                _clock.Advance(TimeSpan.FromSeconds(2));
            }
        foreach (var file in CachedFiles()) File.SetLastAccessTimeUtc(Folder.Combine("cache", file), DateTime.UtcNow);
        await using (var backend = await OpenAsync(WriteThrough with { Size = 1000 }))
        {
            await LoadAsync(backend, "data/0");
            _clock.Advance(TimeSpan.FromSeconds(2));
            await LoadAsync(backend, "data/3");
        }
        await using (await OpenAsync(WriteThrough with { Size = 400 }))
            Assert.Equal(["data/0", "data/3", "data/8", "data/9"], CachedFiles());
    }

    [Fact]
    public async Task The_journal_stays_short_after_the_cache_is_opened_many_times()
    {
        for (var i = 0; i < 100; i++)
        {
            await using var backend = await OpenAsync(WriteThrough with { Size = 100 });
            await StoreAsync(backend, $"data/{i}", 10);
            _clock.Advance(TimeSpan.FromSeconds(2));
        }
        Assert.Equal(Enumerable.Range(90, 10).Select(i => $"data/{i}"), CachedFiles());
        var parts = Directory.GetFiles(Folder.Combine("cache"), "access-*.hid");
        Assert.InRange(parts.Length, 1, 32);
        Assert.True(parts.Sum(part => new FileInfo(part).Length) < 32 * 40);
    }

    [Fact]
    public async Task A_damaged_journal_is_ignored()
    {
        Directory.CreateDirectory(Folder.Combine("cache"));
        await File.WriteAllBytesAsync(Folder.Combine("cache", "access-0.hid"), Random(1000), Ct);
        await File.WriteAllBytesAsync(Folder.Combine("cache", "access-1.hid"), [.. "BSACCES1"u8, .. Random(1001)], Ct);
        await using var backend = await OpenAsync(WriteThrough with { Size = 1000 });
        await StoreAsync(backend, "data/a", 100);
        Assert.Equal(100, (await LoadAsync(backend, "data/a"))!.Length);
        Assert.Empty(Warnings);
    }

    [Fact]
    public async Task An_expired_item_is_loaded_again()
    {
        await using var backend = await OpenAsync(WriteThrough with { MaxAge = TimeSpan.FromMinutes(10) });
        await StoreAsync(backend, "data/a", 100);
        _clock.Advance(TimeSpan.FromMinutes(9));
        await LoadAsync(backend, "data/a");
        _clock.Advance(TimeSpan.FromMinutes(9));
        await LoadAsync(backend, "data/a");
        Assert.Equal((2, 0), (_meter.Read().Hits, _meter.Read().Misses));
        _clock.Advance(TimeSpan.FromMinutes(11));
        await LoadAsync(backend, "data/a");
        Assert.Equal((2, 1), (_meter.Read().Hits, _meter.Read().Misses));
        await LoadAsync(backend, "data/a");
        Assert.Equal(3, _meter.Read().Hits);
    }

    [Fact]
    public async Task Expired_items_are_removed_on_open_on_close_and_in_between()
    {
        var policy = WriteThrough with { MaxAge = TimeSpan.FromMilliseconds(900) };
        await using (var backend = await OpenAsync(policy))
        {
            await StoreAsync(backend, "data/a", 100);
            _clock.Advance(TimeSpan.FromSeconds(1));
            for (var i = 0; i < 100 && CachedFiles().Length > 0; i++) await Task.Delay(100, Ct);
            Assert.Empty(CachedFiles());
            await StoreAsync(backend, "data/a", 100);
            Assert.Equal(["data/a"], CachedFiles());
            _clock.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Empty(CachedFiles());
        await using (var backend = await OpenAsync(policy)) await StoreAsync(backend, "data/a", 100);
        _clock.Advance(TimeSpan.FromSeconds(2));
        await using (await OpenAsync(policy)) Assert.Empty(CachedFiles());
    }

    [Fact]
    public async Task Items_from_the_future_expire_like_the_others()
    {
        // The clock of the file system is ahead of the one of this test.
        await using (var backend = await OpenAsync(WriteThrough))
            for (var i = 0; i < 5; i++) await StoreAsync(backend, $"data/{i}", 100);
        await using (var backend = await OpenAsync(WriteThrough with { MaxAge = TimeSpan.FromMinutes(10) }))
        {
            await StoreAsync(backend, "data/new", 100);
            _clock.Advance(TimeSpan.FromMinutes(11));
        }
        Assert.Empty(CachedFiles());
    }

    [Fact]
    public async Task The_size_and_age_limits_hold_under_random_load_from_four_threads()
    {
        const int Size = 200_000;
        const int Largest = 5000;
        await using var backend = await OpenAsync(WriteThrough with { Size = Size, MaxAge = TimeSpan.FromMinutes(10) });
        var busy = true;
        var watcher = Task.Run(async () =>
        {
            var most = 0L;
            while (Volatile.Read(ref busy))
            {
                most = Math.Max(most, SumOfFiles());
                await Task.Delay(20, Ct);
            }
            return most;
        }, Ct);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(async () =>
        {
            var random = new Random(thread);
            for (var step = 0; step < 3000; step++)
            {
                var number = random.Next(200);
                // The size of a value follows from the number of its item, so that values of different items are distinguishable.
                switch (random.Next(10))
                {
                    case < 3:
                        await StoreAsync(backend, $"data/{number}", SizeOf(number));
                        break;
                    case 3:
                        await backend.DeleteAsync($"data/{number}", Ct);
                        break;
                    case 4:
                        await backend.MoveAsync($"data/{number}", $"data/{number}.del", StoreMode.Overwrite, Ct);
                        break;
                    case 5:
                        await backend.MoveAsync($"data/{number}.del", $"data/{number}", StoreMode.Overwrite, Ct);
                        break;
                    default:
                        if (await LoadAsync(backend, $"data/{number}") is { } value) Assert.Equal(SizeOf(number), value.Length);
                        break;
                }
                if (thread == 0) _clock.Advance(TimeSpan.FromSeconds(random.Next(3)));
            }
        }, Ct)));
        busy = false;
        // Four threads add values in progress, and the watcher reads the files one by one while they change.
        Assert.InRange(await watcher, 1, Size + (8 * Largest));
        Assert.InRange(SumOfFiles(), 1, Size);
        foreach (var file in CachedFiles())
            Assert.Equal(await File.ReadAllBytesAsync(Folder.Combine("store", file), Ct), await File.ReadAllBytesAsync(Folder.Combine("cache", file), Ct));
        _clock.Advance(TimeSpan.FromMinutes(11));
        await backend.DisposeAsync();
        Assert.Empty(CachedFiles());
        Assert.Empty(Warnings);

        static int SizeOf(int number) => 100 + (number * 37 % (Largest - 100));
    }

    [Fact]
    public async Task Files_added_by_other_processes_count_towards_the_size_limit()
    {
        await using var backend = await OpenAsync(WriteThrough with { Size = 1000 });
        await StoreAsync(backend, "data/a", 200);
        for (var i = 0; i < 8; i++) await File.WriteAllBytesAsync(Folder.Combine("cache", "data", $"by-others-{i}"), new byte[100], Ct);
        Assert.Equal(1000, SumOfFiles());
        await StoreAsync(backend, "data/b", 200);
        for (var i = 0; i < 100 && SumOfFiles() > 1000; i++) await Task.Delay(100, Ct);
        Assert.InRange(SumOfFiles(), 800, 1000);
        Assert.Contains("data/b", CachedFiles());
        Assert.Empty(Warnings);
    }

    [Fact]
    public async Task Old_leftovers_of_a_crash_are_removed()
    {
        await using (await OpenAsync(WriteThrough)) { }
        Directory.CreateDirectory(Folder.Combine("cache", "data"));
        foreach (var name in new[] { "old.tmp", "young.tmp" }) await File.WriteAllTextAsync(Folder.Combine("cache", "data", name), "half", Ct);
        File.SetLastWriteTimeUtc(Folder.Combine("cache", "data", "old.tmp"), DateTime.UtcNow.AddHours(-2));
        await using var backend = await OpenAsync(WriteThrough with { Size = 1000 });
        for (var i = 0; i < 100 && CachedFiles().Length > 1; i++) await Task.Delay(100, Ct);
        Assert.Equal(["data/young.tmp"], CachedFiles());
    }

    private async Task<IBackend> OpenAsync(CachePolicy policy)
    {
        Directory.CreateDirectory(Folder.Combine("store"));
        var none = new BackendOptions { Durability = Durability.None };
        var cache = new CacheStorage(new FileBackend(Folder.Combine("cache"), none), "cache", _meter, Warn);
        var layout = new StoreLayout([new NamespaceLayout("data", 0) { Cache = policy }]);
        var backend = new CachingBackend(new FileBackend(Folder.Combine("store"), none), cache, layout, "store", _clock);
        await backend.OpenAsync(Ct);
        return backend;
    }

    private long SumOfFiles()
    {
        var sum = 0L;
        foreach (var file in new DirectoryInfo(Folder.Combine("cache")).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            if (file.Extension is ".hid" or ".tmp") continue;
            try
            {
                sum += file.Length;
            }
            catch (FileNotFoundException)
            {
                // Removed since it was listed.
            }
        }
        return sum;
    }

    private static ValueTask StoreAsync(IBackend backend, string name, int size) => backend.StoreAsync(name, Random(size, size), StoreMode.Overwrite, Ct);

    private static async Task<byte[]?> LoadAsync(IBackend backend, string name, ByteRange range = default)
    {
        var stream = await backend.LoadAsync(name, range, Ct);
        if (stream is null) return null;
        await using (stream) return await stream.ReadToEndAsync(Ct);
    }
}
