using System.Diagnostics;
using BorgStore.Diagnostics;
using BorgStore.Layout;

namespace BorgStore.Tests.Stores;

public sealed class StoreLifecycleTests : StoreFixture
{
    [Fact]
    public async Task A_store_can_be_created_once_and_destroyed_once()
    {
        Directory.CreateDirectory(Folder.Combine("store")); // An empty folder counts as missing.
        await (await CreateAsync(("data", 0))).DisposeAsync();
        // Although still empty, it is an existing store with its levels.
        await FailsAsync(StoreError.StoreAlreadyExists, () => CreateAsync(("data", 2)));
        await using (var store = await OpenAsync(new(("data", 0)))) await store.StoreAsync("data/x", Bytes("1"));
        await FailsAsync(StoreError.StoreAlreadyExists, () => CreateAsync(("data", 0)));
        await Store.DestroyAsync(new(Folder.StoreUrl));
        var missing = await FailsAsync(StoreError.StoreDoesNotExist, () => OpenAsync());
        Assert.Equal(Folder.StoreUrl, missing.Name);
        Assert.Contains($"'{Folder.StoreUrl}'", missing.Message, StringComparison.Ordinal);
        await FailsAsync(StoreError.StoreDoesNotExist, () => Store.DestroyAsync(new(Folder.StoreUrl)));
    }

    [Theory]
    [InlineData("data/0011", "notes/readme.txt")]
    [InlineData("data/0011", "todo")]
    [InlineData("data/0011", "data/project/plan")]
    [InlineData("config/main", ".git/config/x")]
    public async Task Destroy_removes_nothing_if_there_might_be_ordinary_files(string item, string file)
    {
        await using (var store = await CreateAsync(("data", 1), ("config", 0))) await store.StoreAsync(item, Bytes("1"));
        var path = Folder.Combine("store", file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, "kept", TestContext.Current.CancellationToken);

        var error = await FailsAsync(StoreError.StoreDoesNotExist, () => Store.DestroyAsync(new(Folder.StoreUrl)));
        Assert.Contains($"'{file}'", error.Message, StringComparison.Ordinal);
        var layout = new StoreLayout(("data", 1), ("config", 0));
        await FailsAsync(StoreError.StoreDoesNotExist, () => Store.DestroyAsync(new(Folder.StoreUrl) { Layout = layout }));
        Assert.True(File.Exists(path));
        await using (var store = await OpenAsync(layout)) Assert.Equal(Bytes("1"), await store.LoadAsync(item));

        File.Delete(path);
        await Store.DestroyAsync(new(Folder.StoreUrl));
        Assert.False(Directory.Exists(Folder.Combine("store")));
    }

    [Fact]
    public async Task A_store_whose_names_look_like_files_can_be_destroyed_with_its_layout()
    {
        var layout = new StoreLayout(("", 0), ("config", 0));
        await using (var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = layout }))
            foreach (var name in new[] { "todo", "config/app.json", "config/a/b" }) await store.StoreAsync(name, Bytes("1"));
        await FailsAsync(StoreError.StoreDoesNotExist, () => Store.DestroyAsync(new(Folder.StoreUrl)));
        await Store.DestroyAsync(new(Folder.StoreUrl) { Layout = layout });
        Assert.False(Directory.Exists(Folder.Combine("store")));
    }

    [Fact]
    public async Task Create_without_a_layout_fails()
        => Assert.Contains("-Namespace", (await FailsAsync(StoreError.LayoutUnknown, () => Store.CreateAsync(new(Folder.StoreUrl)))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("ftp://host/x")]
    [InlineData("relative/path")]
    [InlineData("file://host/x")]
    [InlineData("file:relative")]
    public async Task Invalid_URLs_are_rejected(string url) => await FailsAsync(StoreError.InvalidUrl, () => Store.OpenAsync(new(url)));

    [Fact]
    public async Task A_closed_store_rejects_operations_and_can_be_closed_again()
    {
        var store = await CreateAsync(("data", 0));
        await store.DisposeAsync();
        await store.DisposeAsync();
        Assert.True(store.IsClosed);
        await FailsAsync(StoreError.StoreNotOpen, async () => await store.LoadAsync("data/x"));
        await FailsAsync(StoreError.StoreNotOpen, async () => await store.ListAsync("data").ToListAsync());
    }

    [Fact]
    public async Task Closing_waits_for_running_operations()
    {
        var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(("data", 0)), Latency = TimeSpan.FromMilliseconds(300) });
        var storing = store.StoreAsync("data/x", Bytes("1")).AsTask();
        await store.DisposeAsync();
        Assert.True(storing.IsCompleted);
        await storing;
    }

    [Fact]
    public async Task Latency_and_bandwidth_are_emulated()
    {
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl)
        {
            Layout = new(("data", 0)),
            Latency = TimeSpan.FromMilliseconds(20),
            Bandwidth = 8_000_000,
        });
        var start = Stopwatch.GetTimestamp();
        await store.StoreAsync("data/x", new byte[100_000]);
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(120));
        start = Stopwatch.GetTimestamp();
        await store.FindAsync("data/x");
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(20));
    }

    [Fact]
    public async Task Statistics_use_the_names_of_the_Python_package()
    {
        await using var store = await CreateAsync(("data", 0));
        await store.StoreAsync("data/x", new byte[1000]);
        await store.LoadAsync("data/x", new(0, 10));
        await (await store.GatherAsync([new("data/x", 5, 20), new("data/x", 0, 3)])).DisposeAsync();
        await store.FindAsync("data/x");
        await store.ListAsync("data").ToListAsync();
        await store.MoveAsync("data/x", "data/y");
        await store.DeleteAsync("data/y");
        var figures = store.GetStatistics().ToDictionary();
        foreach (var name in new[] { "info", "load", "store", "delete", "move", "list", "gather" })
        {
            Assert.Equal(1, figures[$"{name}_calls"]);
            Assert.True(figures[$"{name}_time"] > 0);
        }
        Assert.Equal((1000, 10, 23), (figures["store_volume"], figures["load_volume"], figures["gather_volume"]));
        Assert.Equal((1, 23), (figures["backend_gather_calls"], figures["backend_gather_volume"]));
        Assert.True(figures["gather_throughput"] > 0);
        Assert.Equal((1, 1, 1, 1000, 10), (figures["backend_store_calls"], figures["backend_load_calls"], figures["backend_delete_calls"],
            figures["backend_store_volume"], figures["backend_load_volume"]));
        Assert.True(figures["store_throughput"] > 0);
        store.ResetStatistics();
        Assert.All(store.GetStatistics().ToDictionary(), figure => Assert.Equal(0, figure.Value));
    }

    [Fact]
    public async Task One_store_can_be_used_by_many_threads()
    {
        await using var store = await CreateAsync(("data", 1));
        await Parallel.ForEachAsync(Enumerable.Range(0, 2000), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, token) =>
        {
            var name = $"data/{i % 200:x4}";
            await store.StoreAsync(name, Bytes(new string((char)('a' + (i % 26)), 1 + (i % 5000))), cancellationToken: token);
            var value = await store.LoadAsync(name, cancellationToken: token);
            Assert.True(value.AsSpan().IndexOfAnyExcept(value[0]) < 0);
        });
        Assert.Equal(200, (await store.ListAsync("data").ToListAsync()).Count);
        Assert.Equal(2000, store.GetStatistics().Operations.Single(o => o.Operation == Operation.Store).Calls);
    }
}
