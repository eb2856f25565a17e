using System.Diagnostics;
using BorgStore.Backends.Files;
using BorgStore.Layout;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Caching;

/// <summary>Caches as seen by users of <see cref="Store"/>.</summary>
public sealed class StoreCacheTests : StoreFixture
{
    private string CacheUrl => new Uri(Folder.Combine("cache")).AbsoluteUri;

    private StoreOptions Options => new(Folder.StoreUrl)
    {
        CacheUrl = CacheUrl,
        Layout = new([
            new NamespaceLayout("data", 1, 2) { Cache = new(CacheMode.WriteThrough) { Size = 1 << 20 } },
            new NamespaceLayout("data/inner", 0) { Cache = new(CacheMode.WriteThrough) },
            new NamespaceLayout("config", 0),
        ]),
    };

    [Fact]
    public async Task A_cache_is_created_and_destroyed_with_its_store()
    {
        await using (var store = await Store.CreateAsync(Options)) await store.StoreAsync("data/abcd", Bytes("1"));
        Assert.True(File.Exists(Folder.Combine("cache", "data", "ab", "cd", "abcd")));
        await Store.DestroyAsync(Options);
        Assert.False(Directory.Exists(Folder.Combine("cache")));
        await using (await Store.CreateAsync(Options)) { }
        Directory.Delete(Folder.Combine("cache"), recursive: true);
        await Store.DestroyAsync(Options);
        await FailsAsync(StoreError.StoreDoesNotExist, () => Store.DestroyAsync(Options));
    }

    [Fact]
    public async Task A_new_store_does_not_take_over_the_cache_of_another_store()
    {
        await using (var store = await Store.CreateAsync(Options)) await store.StoreAsync("data/abcd", Bytes("1"));
        await Store.DestroyAsync(Options with { CacheUrl = null, Layout = null });
        await FailsAsync(StoreError.StoreAlreadyExists, () => Store.CreateAsync(Options));
        Assert.False(Directory.Exists(Folder.Combine("store")));
        Assert.True(File.Exists(Folder.Combine("cache", "data", "ab", "cd", "abcd")));
    }

    [Fact]
    public async Task A_missing_cache_is_created_when_the_store_is_opened()
    {
        await using (await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(("data", 1)) })) { }
        await using var store = await Store.OpenAsync(Options);
        await store.StoreAsync("data/abcd", Bytes("1"));
        Assert.True(File.Exists(Folder.Combine("cache", "data", "ab", "cd", "abcd")));
        Assert.Equal(0, store.GetStatistics().ToDictionary()["cache_disabled"]);
    }

    [Fact]
    public async Task A_store_remains_usable_if_its_cache_cannot_be_opened()
    {
        await File.WriteAllTextAsync(Folder.Combine("cache"), "no directory");
        var warnings = new List<string>();
        await using var store = await Store.CreateAsync(Options with { Warning = warnings.Add });
        await store.StoreAsync("data/abcd", Bytes("1"));
        Assert.Equal(Bytes("1"), await store.LoadAsync("data/abcd"));
        Assert.Single(warnings);
        Assert.Equal(1, store.GetStatistics().ToDictionary()["cache_disabled"]);
        await FailsAsync(StoreError.BackendFailure, () => store.ClearCacheAsync());
    }

    [Fact]
    public async Task Cache_options_that_do_not_match_the_namespaces_are_rejected()
    {
        await FailsAsync(StoreError.InvalidArgument, () => Store.CreateAsync(Options with { CacheUrl = null }));
        await FailsAsync(StoreError.InvalidArgument, () => Store.CreateAsync(Options with { Layout = new(("data", 0)) }));
        await FailsAsync(StoreError.InvalidArgument, () => Store.OpenAsync(Options with { Layout = null }));
        foreach (var url in new[] { Folder.StoreUrl, Folder.StoreUrl + "/cache", new Uri(Folder.Path).AbsoluteUri })
            await FailsAsync(StoreError.InvalidArgument, () => Store.CreateAsync(Options with { CacheUrl = url }));
        Assert.Equal(StoreError.InvalidArgument, Assert.Throws<StoreException>(() => new CachePolicy(CacheMode.Mirror) { Size = -1 }).Error);
        Assert.Throws<StoreException>(() => new CachePolicy(CacheMode.Mirror) { MaxAge = TimeSpan.FromTicks(-1) });
    }

    [Fact]
    public async Task A_cache_inside_its_store_or_the_reverse_is_rejected_even_through_links()
    {
        Directory.CreateDirectory(Folder.Combine("store"));
        Directory.CreateDirectory(Folder.Combine("elsewhere"));
        Directory.CreateSymbolicLink(Folder.Combine("link"), Folder.Combine("store"));
        Directory.CreateSymbolicLink(Folder.Combine("relative"), "elsewhere/../link");
        Directory.CreateSymbolicLink(Folder.Combine("up"), "store/..");
        Directory.CreateSymbolicLink(Folder.Combine("loop"), "loop");
        foreach (var way in new[] { "elsewhere/../store/cache", "link", "link/cache", "relative/a/b", "up/store/cache", "up", "./store//cache", "elsewhere/../link/../store" })
        {
            var url = "file://" + Folder.Combine(way);
            await FailsAsync(StoreError.InvalidArgument, () => Store.CreateAsync(Options with { CacheUrl = url }));
            await FailsAsync(StoreError.InvalidArgument, () => Store.CreateAsync(Options with { Url = url, CacheUrl = Folder.StoreUrl }));
        }
        foreach (var way in new[] { "store2", "up/elsewhere/cache", "link/../cache2" })
            await (await Store.OpenAsync(Options with { CacheUrl = "file://" + Folder.Combine(way) })).DisposeAsync();
        Assert.Equal(Folder.Combine("loop/x"), RealPath.Find(Folder.Combine("loop/x")));
    }

    [Fact]
    public async Task Paths_of_cache_and_store_may_differ_only_in_case_on_a_case_sensitive_file_system()
    {
        var shouted = "file://" + Folder.Combine("STORE/cache");
        Directory.CreateDirectory(Folder.Combine("store"));
        if (Directory.Exists(Folder.Combine("STORE")))
        {
            await FailsAsync(StoreError.InvalidArgument, () => Store.CreateAsync(Options with { CacheUrl = shouted }));
            return;
        }
        await (await Store.CreateAsync(Options with { CacheUrl = shouted })).DisposeAsync();
        Assert.False(RealPath.IsWithin(Folder.Combine("STORE/cache"), Folder.Combine("store")));
    }

    [Fact]
    public async Task The_cache_can_be_cleared_by_item_by_namespace_or_as_a_whole()
    {
        await using var store = await Store.CreateAsync(Options);
        foreach (var name in new[] { "data/abcd", "data/abce", "data/gone", "data/inner/x", "config/x" }) await store.StoreAsync(name, Bytes(name));
        await store.SoftDeleteAsync("data/gone");
        Assert.True(await store.ClearCachedItemAsync("data/abcd"));
        Assert.False(await store.ClearCachedItemAsync("data/abcd"));
        Assert.False(await store.ClearCachedItemAsync("data/gone"));
        Assert.True(await store.ClearCachedItemAsync("data/gone", deleted: true));
        Assert.False(await store.ClearCachedItemAsync("config/x"));
        Assert.Equal(["data/ab/ce/abce", "data/inner/x"], CachedFiles());
        await store.ClearCachedNamespaceAsync("data");
        Assert.Equal(["data/inner/x"], CachedFiles());
        await store.StoreAsync("data/abce", Bytes("new"));
        await store.ClearCacheAsync();
        Assert.Empty(CachedFiles());
        Assert.Equal(Bytes("new"), await store.LoadAsync("data/abce"));
        Assert.Equal(Bytes("data/abcd"), await store.LoadAsync("data/abcd"));
        await FailsAsync(StoreError.LayoutUnknown, () => store.ClearCachedNamespaceAsync("none"));
    }

    [Fact]
    public async Task Clearing_the_cache_of_a_store_without_one_fails()
    {
        await using var store = await CreateAsync(("data", 0));
        Assert.False(store.HasCache);
        await FailsAsync(StoreError.InvalidArgument, () => store.ClearCacheAsync());
    }

    [Fact]
    public async Task Permissions_also_apply_to_cached_values()
    {
        await using (var store = await Store.CreateAsync(Options)) await store.StoreAsync("data/abcd", Bytes("1"));
        await using var restricted = await Store.OpenAsync(Options with { Permissions = new([new("", "l")]) });
        await FailsAsync(StoreError.PermissionDenied, () => restricted.LoadAsync("data/abcd").AsTask());
    }

    [Fact]
    public async Task Latency_emulation_does_not_slow_the_cache()
    {
        await using (var store = await Store.CreateAsync(Options)) await store.StoreAsync("data/inner/x", Bytes("1"));
        await using var slow = await Store.OpenAsync(Options with { Latency = TimeSpan.FromSeconds(3) });
        var start = Stopwatch.GetTimestamp();
        await slow.LoadAsync("data/inner/x");
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3));
        await slow.ClearCacheAsync();
        start = Stopwatch.GetTimestamp();
        await slow.LoadAsync("data/inner/x");
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task Cache_statistics_use_the_names_of_the_Python_package_and_can_be_reset()
    {
        await using var store = await Store.CreateAsync(Options);
        await store.StoreAsync("data/inner/x", Bytes("12345"));
        await store.LoadAsync("data/inner/x");
        await store.LoadAsync("data/inner/x", new(0, 2));
        await store.ClearCacheAsync();
        await store.LoadAsync("data/inner/x");
        var figures = store.GetStatistics().ToDictionary();
        Assert.Equal((2, 1, 2 / 3.0, 0, 3, 2, 1, 7, 10, 0), (figures["cache_hits"], figures["cache_misses"], figures["cache_hit_ratio"],
            figures["cache_errors"], figures["cache_load_calls"], figures["cache_store_calls"], figures["cache_delete_calls"],
            figures["cache_load_volume"], figures["cache_store_volume"], figures["cache_disabled"]));
        Assert.Equal((1, 5, 3, 12), (figures["backend_load_calls"], figures["backend_load_volume"], figures["load_calls"], figures["load_volume"]));
        store.ResetStatistics();
        Assert.All(store.GetStatistics().ToDictionary(), figure => Assert.Equal(0, figure.Value));
    }

    private string[] CachedFiles() => [.. Directory.EnumerateFiles(Folder.Combine("cache"), "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Folder.Combine("cache"), file).Replace('\\', '/')).Order(StringComparer.Ordinal)];
}
