using BorgStore.Server.Observability;

namespace BorgStore.Tests.Server.Observability;

/// <summary>The pages that say whether a server runs and can do its work.</summary>
public sealed class StatusPageTests
{
    [Fact]
    public async Task A_server_runs_but_is_not_ready_while_its_store_is_gone()
    {
        await using var server = await TestServer.StartAsync(options => options with { Username = "user", Password = "pass" });
        using var http = new HttpClient { BaseAddress = server.Address };
        Assert.Equal((200, "ok\n"), await GetAsync(http, "/-/health"));
        Assert.Equal((200, "ok\n"), await GetAsync(http, "/-/ready"));

        Directory.Delete(server.StorePath, recursive: true);
        Assert.Equal((503, "no-store\n"), await WaitForAsync(http, 503));
        Assert.Equal((200, "ok\n"), await GetAsync(http, "/-/health"));

        Directory.CreateDirectory(server.StorePath);
        Assert.Equal((200, "ok\n"), await WaitForAsync(http, 200));
    }

    [Fact]
    public async Task A_client_of_the_store_gets_an_item_of_the_same_name()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        Assert.Equal(404, client.Exchange("GET", "/-/health").Status);
        Assert.Equal(200, client.Exchange("POST", "/-/health", "", "value"u8.ToArray()).Status);
        Assert.Equal("value", client.Exchange("GET", "/-/health").Text);
    }

    [Fact]
    public async Task Asking_often_checks_once()
    {
        var checks = 0;
        var readiness = new Readiness(async token =>
        {
            Interlocked.Increment(ref checks);
            await Task.Delay(50, token);
        }, CancellationToken.None);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => readiness.FindProblemAsync())), Assert.Null);
        Assert.Null(await readiness.FindProblemAsync());
        Assert.Equal(1, checks);
    }

    [Theory]
    [InlineData(StoreError.StoreDoesNotExist, "no-store")]
    [InlineData(StoreError.ConnectionLost, "unreachable")]
    [InlineData(StoreError.AuthenticationFailed, "refused")]
    [InlineData(StoreError.BackendFailure, "failed")]
    [InlineData(StoreError.PermissionDenied, null)]
    public async Task A_failure_is_told_in_a_word(StoreError error, string? word)
        => Assert.Equal(word, await new Readiness(_ => throw new StoreException(error, "secret detail"), CancellationToken.None).FindProblemAsync());

    [Fact]
    public async Task A_server_that_stops_is_not_ready()
        => Assert.Equal("stopping", await new Readiness(_ => Task.CompletedTask, new CancellationToken(canceled: true)).FindProblemAsync());

    private static async Task<(int Status, string Text)> WaitForAsync(HttpClient http, int status)
    {
        while (true)
        {
            var answer = await GetAsync(http, "/-/ready");
            if (answer.Status == status) return answer;
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    private static async Task<(int Status, string Text)> GetAsync(HttpClient http, string path)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
