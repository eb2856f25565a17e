using BorgStore.Tests.Server.Users;

namespace BorgStore.Tests.Server.Observability;

/// <summary>The metrics on the port of the stores.</summary>
public sealed class MetricsPageTests
{
    private const string Request = "GET /-/metrics HTTP/1.1\r\nHost: test\r\n";
    private const string Sample = "borgstore_server_requests_running";
    private static readonly Dictionary<string, string> Passwords = new() { ["anna"] = "pear", ["ben"] = "plum", ["carl"] = "fig", ["dora"] = "date" };

    [Fact]
    public async Task Only_administrators_and_users_with_the_right_read_them()
    {
        const string Rights = """
            { "users": { "anna": { "admin": true }, "ben": { "metrics": true }, "carl": { "stores": { "*": "all" } } }, "groups": { "watchers": { "members": ["dora"], "metrics": true } } }
            """;
        await using var server = await UsersServer.StartAsync(Rights, Passwords, options => options with { Metrics = true, Page = true });
        using var client = server.Connect();
        foreach (var user in new[] { "anna", "ben", "dora" })
        {
            var answer = Get(client, UsersServer.Basic(user, Passwords[user]));
            Assert.Equal((200, true), (answer.Status, answer.Text.Contains(Sample, StringComparison.Ordinal)));
        }
        foreach (var (user, password, status) in new[] { ("carl", "fig", 403), ("anna", "wrong", 401) })
        {
            var answer = Get(client, UsersServer.Basic(user, password));
            Assert.Equal((status, false), (answer.Status, answer.Text.Contains(Sample, StringComparison.Ordinal)));
        }
        Assert.StartsWith("Basic", Get(client, "").Headers["WWW-Authenticate"], StringComparison.Ordinal);
        // The right is none to a store.
        server.MakeStore("photos", ("data/a", "value"));
        Assert.Equal(410, client.Exchange("GET", "/photos/data/a", UsersServer.Basic("ben", "plum")).Status);
        Assert.Contains("Login refused: user anna", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_user_of_a_server_with_one_user_reads_them()
    {
        await using var server = await TestServer.StartAsync(options => options with { Metrics = true, Username = "user", Password = "pass" });
        using var client = server.Connect();
        Assert.Equal(401, Get(client, "").Status);
        Assert.Contains(Sample, Get(client, UsersServer.Basic("user", "pass")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Requests_are_counted_by_user_if_that_is_wanted(bool isWanted)
    {
        // The meters of a process are shared by its servers, so that the names are of this test alone.
        var (user, stranger) = ($"by-user-{isWanted}", $"stranger-{isWanted}");
        await using var server = await TestServer.StartAsync(options => options with { Metrics = true, MetricsByUser = isWanted, Username = user, Password = "pass" });
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/data/a", UsersServer.Basic(user, "pass"), new byte[1234]).Status);
        Assert.Equal(401, client.Exchange("POST", "/data/a", UsersServer.Basic(stranger, "pass"), new byte[10]).Status);
        var metrics = "";
        await ServerProcess.WaitUntilAsync(() => (metrics = Get(client, UsersServer.Basic(user, "pass")).Text).Contains("borgstore_server_received_bytes_total{", StringComparison.Ordinal), () => metrics);
        Assert.Equal(isWanted, metrics.Split('\n').Any(line => line.StartsWith("borgstore_server_received_bytes_total", StringComparison.Ordinal)
            && line.Contains($"user=\"{user}\"", StringComparison.Ordinal) && line.Contains(" 1234", StringComparison.Ordinal)));
        Assert.DoesNotContain(stranger, metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task They_are_absent_without_the_option_and_an_item_of_that_name_is_not_in_their_way()
    {
        await using (var off = await TestServer.StartAsync())
        {
            using var client = off.Connect();
            Assert.Equal(406, Get(client, "").Status);
        }
        await using var server = await TestServer.StartAsync(options => options with { Metrics = true });
        using var other = server.Connect();
        Assert.Equal(200, other.Exchange("POST", "/-/metrics", "", "value"u8.ToArray()).Status);
        Assert.Equal("value", other.Exchange("GET", "/-/metrics").Text);
        Assert.Contains(Sample, Get(other, "").Text, StringComparison.Ordinal);
    }

    private static RawAnswer Get(RawClient client, string headers)
    {
        client.Send(Request + headers + "\r\n");
        return client.Receive();
    }
}
