using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;

namespace BorgStore.Tests.Answers;

/// <summary>The client waits as long as a slow server shows that it is alive, but no longer.</summary>
public sealed class SilentServerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_completely_silent_server_times_out(bool unixSocket)
    {
        using var folder = new TemporaryFolder();
        var isSilent = false;
        await using var server = new ScriptedHttp(_ => isSilent ? null : Root(), unixSocket ? folder.Combine("socket") : null);
        await using var client = await OpenAsync(server.Url);
        isSilent = true;
        foreach (var act in LongWork(client))
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => act().WaitAsync(TimeSpan.FromMinutes(1), Ct));
            Assert.Equal(StoreError.Timeout, error.Error);
        }
        isSilent = false;
    }

    [Theory]
    [InlineData("204 No Content\nX-BorgStore-Server: 2")]
    [InlineData("406 Not Acceptable\nConnection: close")]
    public async Task A_busy_server_is_waited_for_while_it_answers_health_checks(string sign)
    {
        using var signs = new CountdownEvent(2);
        await using var server = new ScriptedHttp(request => request switch
        {
            { Target: "/" } => Root(),
            { Target: "/?cmd=health" } => Answer(signs, sign),
            _ => WaitFor(signs),
        });
        await using var client = await OpenAsync(server.Url);
        // The scripted server shares its threads with all running tests.
        client.Client.StallTimeout = TimeSpan.FromSeconds(10);
        Assert.Equal(new string('a', 64), await client.HashAsync("data/a", HashKind.Sha256, Ct).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Ct));
        // The health check has no credentials, and nothing that would make the server open its store.
        Assert.All(server.Requests.Where(request => request.Target == "/?cmd=health"), request => Assert.DoesNotContain("Accept:", request.Head, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_proxy_that_responds_for_a_dead_server_does_not_count_as_a_sign_of_life()
    {
        await using var server = new ScriptedHttp(request => request.Target switch
        {
            "/" => Root(),
            "/?cmd=health" => ScriptedHttp.Http("504 Gateway Timeout"),
            _ => null,
        });
        await using var client = await OpenAsync(server.Url);
        Assert.Equal(StoreError.Timeout, (await Assert.ThrowsAsync<StoreException>(() => client.FlushAsync(Ct).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Ct))).Error);
    }

    [Fact]
    public async Task Cancellation_ends_the_wait()
    {
        await using var server = new ScriptedHttp(request => request.Target == "/" ? Root() : null);
        await using var client = await OpenAsync(server.Url);
        client.Client.StallTimeout = TimeSpan.FromMinutes(5);
        using var cancellation = new CancellationTokenSource(200);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.FlushAsync(cancellation.Token).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Ct));
    }

    private static IEnumerable<Func<Task>> LongWork(RestBackend client) =>
    [
        () => client.HashAsync("data/a", HashKind.Sha256, Ct).AsTask(),
        () => client.FlushAsync(Ct).AsTask(),
        () => client.DefragAsync(new([new("data/a", 0, 1)]) { Target = "data/b" }, Ct).AsTask(),
        () => client.GatherAsync([new("data/a", 0, 1)], Ct).AsTask(),
        () => client.GetQuotaAsync(Ct).AsTask(),
        async () => await client.ListTemporaryAsync(default, Ct).ToListAsync(Ct),
    ];

    private static async Task<RestBackend> OpenAsync(string url)
    {
        var client = new RestBackend(url);
        client.Client.Retry = RetrySchedule.Never;
        await client.OpenAsync(Ct);
        client.Client.StallTimeout = TimeSpan.FromSeconds(0.3);
        return client;
    }

    private static byte[] Answer(CountdownEvent signs, string sign)
    {
        if (!signs.IsSet) signs.Signal();
        return ScriptedHttp.Http(sign);
    }

    private static byte[] WaitFor(CountdownEvent signs)
    {
        signs.Wait(Ct);
        return ScriptedHttp.Http("200 OK\nX-BorgStore-Server: 2\nContent-Type: text/plain", new string('a', 64));
    }

    private static byte[] Root() => ScriptedHttp.Http("200 OK\nContent-Length: 4096\nX-BorgStore-Is-Directory: true\nX-BorgStore-Server: 2");
}
