using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3.Connection;

/// <summary>Loads that bypass the SDK, and the fallback to it. The SDK names itself in each request.</summary>
public sealed class DirectLoadTests(CephServer ceph) : S3ProxyTest(ceph)
{
    private readonly ConcurrentQueue<bool> _isDirect = new();

    [Theory]
    [InlineData("data/plain")]
    [InlineData("data/a b+c%20d&e=f?g#h;i~j!k*l'm(n)o@p:q$r,s[t]")]
    [InlineData("data/ä€😀")]
    [InlineData("data/..odd./.../-_.")]
    public async Task A_load_takes_one_request_for_any_name_and_range(string name)
    {
        var value = Bytes(1000);
        await Store.StoreAsync(name, value, StoreMode.Overwrite, Ct);
        await using var backend = await WatchAsync();
        foreach (var range in new ByteRange[] { default, new(10, 20), new(-30), new(990), new(0, 5000) })
        {
            var (start, count) = range.Resolve(value.Length);
            Assert.Equal(value[(int)start..(int)(start + count)], await ReadAsync(backend, name, range));
        }
        Assert.Equal([true, true, true, true, true], _isDirect);
    }

    [Theory]
    [InlineData(64 * 1024)]
    [InlineData(64 * 1024 + 1)]
    [InlineData(0)]
    public async Task A_value_at_the_size_limit_of_the_memory_buffer_is_loaded_completely(int size)
    {
        var value = Bytes(size);
        await Store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct);
        await using var backend = await WatchAsync();
        Assert.Equal(value, await ReadAsync(backend, "data/a"));
        Assert.Equal([true], _isDirect);
    }

    [Theory]
    [InlineData(403, "RequestTimeTooSkewed")]
    [InlineData(400, "AuthorizationHeaderMalformed")]
    [InlineData(501, "NotImplemented")]
    public async Task A_rejected_direct_load_falls_back_to_the_SDK(int status, string code)
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await WatchAsync(isDirect => isDirect ? Fault.Error(status, code) : null);
        for (var i = 0; i < 2; i++) Assert.Equal(Bytes(10), await ReadAsync(backend, "data/a"));
        Assert.Equal(status < 500 ? [true, false, false] : [true, false, true, false], _isDirect);
    }

    [Fact]
    public async Task A_direct_load_that_is_lost_or_throttled_falls_back_to_the_SDK_once()
    {
        await Store.StoreAsync("data/a", Bytes(1000), StoreMode.Overwrite, Ct);
        var faults = new Queue<Fault>([new() { LosesRequest = true }, new() { LosesAnswer = true }, new() { CutsAfter = 500 }, Fault.Error(503, "SlowDown")]);
        var count = faults.Count;
        await using var backend = await WatchAsync(isDirect => isDirect && faults.TryDequeue(out var fault) ? fault : null);
        for (var i = 0; i < count; i++) Assert.Equal(Bytes(1000), await ReadAsync(backend, "data/a"));
        Assert.Equal(Enumerable.Repeat(new[] { true, false }, count).SelectMany(pair => pair), _isDirect);
    }

    [Fact]
    public async Task A_missing_item_is_confirmed_through_the_SDK()
    {
        await using var backend = await WatchAsync();
        Assert.Null(await backend.LoadAsync("data/none", default, Ct));
        Assert.Equal([true, false], _isDirect);
    }

    // Opens a store whose loads are recorded and can be made to fail.
    private async Task<IBackend> WatchAsync(Func<bool, Fault?>? decide = null)
    {
        var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = request =>
        {
            var isDirect = request.Headers["User-Agent"] is null;
            _isDirect.Enqueue(isDirect);
            return decide?.Invoke(isDirect);
        };
        return backend;
    }

    private static async Task<byte[]> ReadAsync(IBackend backend, string name, ByteRange range = default)
    {
        await using var stream = await backend.LoadAsync(name, range, Ct);
        return await stream!.ReadToEndAsync(Ct);
    }
}
