using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Hashing;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Rest;

/// <summary>Our client with a server that mixes up requests.</summary>
public sealed class RequestMixUpTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Concurrent_requests_succeed_on_a_server_that_mixes_them_up(bool hasWriteTimes)
    {
        await using var server = await MixingServer.StartAsync(hasWriteTimes);
        await using var store = await OpenAsync(server);
        var names = Enumerable.Range(0, 200).Select(i => $"data/{i:x3}").ToList();
        await InParallelAsync(names, async name =>
        {
            await store.StoreAsync(name, Value(name), StoreMode.CreateNew, Ct);
            await using var value = await store.LoadAsync(name, ByteRange.Whole, Ct);
            Assert.Equal(Value(name), await value!.ReadToEndAsync(Ct));
            Assert.NotNull(await store.FindAsync(name, Ct));
            Assert.Equal(HashKind.Sha256.ComputeHex(Value(name)), await store.HashAsync(name, HashKind.Sha256, Ct));
        });
        Assert.Equal(names, server.ListFiles());
        await InParallelAsync(names, async name => Assert.True(await store.MoveAsync(name, name + ".del", StoreMode.Overwrite, Ct)));
        await InParallelAsync(names, async name => Assert.True(await store.DeleteAsync(name + ".del", Ct)));
        Assert.Empty(server.ListFiles());
        // A server known to be old never gets parallel requests that it could mix up.
        if (!hasWriteTimes) Assert.Equal((0, 0), (server.Refused, server.Spoiled));
    }

    [Fact]
    public async Task Requests_mixed_up_before_the_server_is_detected_are_repaired()
    {
        await using var server = await MixingServer.StartAsync(hasWriteTimes: true);
        for (var round = 0; server.Refused == 0 || server.Spoiled == 0; round++)
        {
            Assert.True(round < 50, $"{server.Refused} requests were refused and {server.Spoiled} spoiled.");
            await using var store = await OpenAsync(server);
            var names = Enumerable.Range(0, 16).Select(i => $"data/{round}-{i}").ToList();
            await InParallelAsync(names, async name => await store.StoreAsync(name, Value(name), StoreMode.Overwrite, Ct));
            Assert.Equal(names, server.ListFiles().Order(StringComparer.Ordinal).OrderBy(name => names.IndexOf(name)));
            await using var another = await OpenAsync(server);
            await InParallelAsync(names, async name => Assert.True(await another.DeleteAsync(name, Ct)));
        }
        Assert.Empty(server.ListFiles());
    }

    [Fact]
    public async Task Several_clients_can_use_a_server_that_mixes_up_requests()
    {
        await using var server = await MixingServer.StartAsync(hasWriteTimes: false);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async client =>
        {
            await using var store = await OpenAsync(server);
            await InParallelAsync(Enumerable.Range(0, 25).Select(i => $"data/{client}-{i}"), async name =>
                await store.StoreAsync(name, Value(name), StoreMode.Overwrite, Ct));
        }));
        Assert.Equal(100, server.ListFiles().Length);
    }

    [Fact]
    public async Task A_slow_source_stream_does_not_block_other_requests()
    {
        await using var server = await MixingServer.StartAsync(hasWriteTimes: false);
        await using var store = await OpenAsync(server);
        var value = new byte[300_000];
        var source = new PausingStream(value);
        var storing = store.StoreAsync("data/slow", new StoreValue(source, value.Length), StoreMode.Overwrite, Ct).AsTask();
        await source.Reached.WaitAsync(TimeSpan.FromSeconds(30), Ct);
        await store.StoreAsync("data/a", Value("a"), StoreMode.Overwrite, Ct).AsTask().WaitAsync(TimeSpan.FromSeconds(30), Ct);
        Assert.Null(await store.FindAsync("data/slow", Ct));
        source.Continue();
        await storing;
        await store.StoreAsync("data/empty", new StoreValue(new MemoryStream(), 0), StoreMode.Overwrite, Ct);
        Assert.Equal(["data/a", "data/empty", "data/slow"], server.ListFiles());
    }

    [Fact]
    public async Task A_server_whose_store_stays_open_gives_a_clear_error()
    {
        await using var server = await MixingServer.StartAsync(hasWriteTimes: true);
        await using var store = await OpenAsync(server);
        store.Client.MixUpRetry = new(2, TimeSpan.FromMilliseconds(1));
        server.IsStuck = true;
        var error = await Assert.ThrowsAsync<StoreException>(() => store.StoreAsync("data/a", Value("a"), StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains("0.6.2", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, server.Refused);
        server.IsStuck = false;
        await store.StoreAsync("data/a", Value("a"), StoreMode.Overwrite, Ct);
    }

    private static async Task<RestBackend> OpenAsync(MixingServer server)
    {
        var store = new RestBackend(server.Url);
        await store.OpenAsync(Ct);
        return store;
    }

    private static Task InParallelAsync(IEnumerable<string> names, Func<string, Task> act)
        => Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct }, async (name, _) => await act(name));

    private static byte[] Value(string name) => [.. Enumerable.Repeat(System.Text.Encoding.ASCII.GetBytes(name), 100).SelectMany(bytes => bytes)];
}
