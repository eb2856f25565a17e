using System.Collections.Concurrent;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;
using BorgStore.Tests.Backends;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>How the client handles connections that break, stall or damage data.</summary>
public sealed class LostConnectionTests : IAsyncLifetime
{
    private TestServer _server = null!;
    private FaultyConnection _line = null!;
    private RestBackend _client = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _line = new(_server.Address.ToString());
        _client = new(_line.Url);
        _client.Client.Retry = new(2, TimeSpan.FromMilliseconds(20));
        await _client.OpenAsync(Ct);
        await _client.StoreAsync("data/a", "value"u8.ToArray(), StoreMode.Overwrite, Ct);
    }

    public async ValueTask DisposeAsync()
    {
        (_line.AnswersToCut, _line.Delay, _line.ToClient, _line.ToServer) = (0, default, null, null);
        await _client.DisposeAsync();
        await _line.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Idempotent_requests_are_retried()
    {
        foreach (var lost in new[] { 1, 2 })
        {
            _line.AnswersToCut = lost;
            Assert.Equal("value"u8.ToArray(), await LoadAsync("data/a"));
            _line.AnswersToCut = lost;
            await _client.StoreAsync("data/b", new byte[200_000], StoreMode.Overwrite, Ct);
            _line.AnswersToCut = lost;
            await foreach (var item in _client.ListAsync("data", ListScope.Tree, Ct)) Assert.True(item.Size > 0);
            _line.AnswersToCut = lost;
            Assert.NotNull(await _client.HashAsync("data/a", HashKind.Sha256, Ct));
        }
        _line.AnswersToCut = int.MaxValue;
        await AssertFailsAsync(StoreError.ConnectionLost, () => LoadAsync("data/a"));
    }

    [Fact]
    public async Task Retries_are_reported_with_the_full_name_the_attempt_and_the_reason()
    {
        var retries = new ConcurrentQueue<StoreRetry>();
        var url = _line.Url.Replace("//", "//me:se%20cret@", StringComparison.Ordinal);
        await using var store = await Store.OpenAsync(new(url) { Layout = new(("config", 0), ("deep", 2)), Retried = retries.Enqueue }, Ct);
        await store.StoreAsync("deep/0123ab", "value"u8.ToArray(), cancellationToken: Ct);
        Assert.Empty(retries);
        // Of requests without content, HttpClient itself repeats some.
        _line.AnswersToCut = 2;
        await store.StoreAsync("deep/0123ab", "other"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal([("deep/0123ab", 2), ("deep/0123ab", 3)], retries.Select(retry => (retry.Name!, retry.Attempt)));
        Assert.All(retries, retry => Assert.NotEmpty(retry.Reason));
        Assert.DoesNotContain(retries, retry => retry.ToString().Contains("cret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_was_never_reachable_is_not_retried()
    {
        await using var client = new RestBackend("http://127.0.0.1:1");
        client.Client.Retry = new(1, TimeSpan.FromHours(1)) { MaxPause = TimeSpan.MaxValue };
        await AssertFailsAsync(StoreError.ConnectionLost, () => client.OpenAsync(Ct).WaitAsync(TimeSpan.FromMinutes(1), Ct));
    }

    [Fact]
    public async Task A_lost_response_to_a_non_idempotent_request_is_reported_as_unknown()
    {
        _line.AnswersToCut = 1;
        Assert.Contains("not known", (await AssertFailsAsync(StoreError.ConnectionLost, () => _client.DeleteAsync("data/a", Ct).AsTask())).Message, StringComparison.Ordinal);
        Assert.Null(await LoadAsync("data/a"));

        await _client.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        _line.AnswersToCut = 1;
        await AssertFailsAsync(StoreError.ConnectionLost, () => _client.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal([1], await LoadAsync("data/b"));

        _line.AnswersToCut = 1;
        await AssertFailsAsync(StoreError.ConnectionLost, () => _client.StoreAsync("data/c", new byte[1], StoreMode.CreateNew, Ct).AsTask());
        _line.AnswersToCut = 1;
        await AssertFailsAsync(StoreError.ConnectionLost,
            () => _client.StoreAsync("data/d", new StoreValue(new ForwardStream(new byte[1000]), 1000), StoreMode.Overwrite, Ct).AsTask());
    }

    [Fact]
    public async Task A_request_that_never_reached_the_server_is_retried()
    {
        // The server was reachable, stops listening for a while, and then comes back.
        var port = TestPorts.FindFree();
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.Combine("store"));
        await using var client = new RestBackend($"http://127.0.0.1:{port}");
        client.Client.Retry = new(8, TimeSpan.FromSeconds(0.1));
        await using (await StartAsync()) await client.OpenAsync(Ct);
        var deleting = client.DeleteAsync("data/none", Ct).AsTask();
        await Task.Delay(300, Ct);
        await using var server = await StartAsync();
        Assert.False(await deleting);

        Task<InProcessServer> StartAsync() => InProcessServer.StartAsync(folder.Combine("store"), options => options with { Port = port });
    }

    [Fact]
    public async Task A_stalled_response_times_out()
    {
        await _client.FindAsync("data/a", Ct);
        (_client.Client.StallTimeout, _client.Client.Retry) = (TimeSpan.FromSeconds(0.5), RetrySchedule.Never);
        _line.Delay = TimeSpan.FromSeconds(1.5);
        await AssertFailsAsync(StoreError.Timeout, () => _client.FindAsync("data/a", Ct).AsTask());
    }

    [Theory]
    [InlineData(1000, StoreError.ConnectionLost)]
    [InlineData(5 << 20, StoreError.HashMismatch)]
    public async Task Damage_to_a_downloaded_value_is_detected(int size, StoreError error)
    {
        await _client.StoreAsync("data/b", new byte[size], StoreMode.Overwrite, Ct);
        _line.ToClient = Damage;
        await AssertFailsAsync(error, () => LoadAsync("data/b"));
        _line.ToClient = null;
        Assert.Equal(new byte[size], await LoadAsync("data/b"));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(5 << 20)]
    public async Task A_value_damaged_during_the_upload_is_not_stored(int size)
    {
        _line.ToServer = Damage;
        await AssertFailsAsync(StoreError.HashMismatch, () => _client.StoreAsync("data/b", new byte[size], StoreMode.Overwrite, Ct).AsTask());
        await AssertFailsAsync(StoreError.HashMismatch,
            () => _client.StoreAsync("data/c", new StoreValue(new ForwardStream(new byte[size]), size), StoreMode.Overwrite, Ct).AsTask());
        _line.ToServer = null;
        Assert.Equal(["data/a"], _server.ListFiles());
    }

    [Fact]
    public async Task Cleaning_up_a_damaged_upload_keeps_a_newer_value_of_another_client()
    {
        _line.ToServer = (bytes, count) =>
        {
            if (bytes.AsSpan(0, count).IndexOf("cmd=hash"u8) >= 0) File.WriteAllText(Path.Combine(_server.StorePath, "data", "c"), "newer");
            else Damage(bytes, count);
        };
        await AssertFailsAsync(StoreError.HashMismatch,
            () => _client.StoreAsync("data/c", new StoreValue(new ForwardStream(new byte[1000]), 1000), StoreMode.Overwrite, Ct).AsTask());
        _line.ToServer = null;
        Assert.Equal("newer"u8.ToArray(), await LoadAsync("data/c"));
    }

    // Changes a zero, because all other bytes of a piece could be part of headers.
    private static void Damage(byte[] bytes, int count)
    {
        var zero = bytes.AsSpan(0, count).LastIndexOf((byte)0);
        if (zero >= 0) bytes[zero] = 1;
    }

    private async Task<byte[]?> LoadAsync(string name)
    {
        var value = await _client.LoadAsync(name, ByteRange.Whole, Ct);
        if (value is null) return null;
        await using (value) return await value.ReadToEndAsync(Ct);
    }

    private static async Task<StoreException> AssertFailsAsync(StoreError error, Func<Task> act)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(error, exception.Error);
        return exception;
    }
}
