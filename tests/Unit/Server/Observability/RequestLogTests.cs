using System.Text.Json.Nodes;

namespace BorgStore.Tests.Server.Observability;

/// <summary>The access log and the audit log of a server.</summary>
public sealed class RequestLogTests : IDisposable
{
    private const string Login = "Authorization: Basic dXNlcjpwYXNz\r\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string AccessLog => _folder.Combine("access.log");

    private string AuditLog => _folder.Combine("audit.log");

    [Fact]
    public async Task The_access_log_has_a_line_for_each_request()
    {
        await using (var server = await StartAsync())
        {
            using var client = server.Connect();
            Assert.Equal(200, client.Exchange("POST", "/data/a?token=query-secret", Login, new byte[100_000]).Status);
            Assert.Equal(100_000, client.Exchange("GET", "/data/a", Login).Body.Length);
            Assert.Equal(401, client.Exchange("GET", "/data/a").Status);
            Assert.Equal(200, client.Exchange("POST", "/?cmd=move&current=data/a&new=data/b", Login).Status);
            Assert.Equal(404, client.Exchange("DELETE", "/data/\"", Login).Status);
        }
        var lines = Read(AccessLog);
        Assert.Equal(["store", "load", "load", "move", "delete"], Values(lines, "operation"));
        Assert.Equal(["POST", "GET", "GET", "POST", "DELETE"], Values(lines, "method"));
        Assert.Equal(["data/a", "data/a", "data/a", "data/a", "data/\""], Values(lines, "name"));
        Assert.Equal(["200", "200", "401", "200", "404"], Values(lines, "status"));
        Assert.Equal(["user", "user", "", "user", "user"], Values(lines, "user"));
        Assert.Equal(["100000", "0", "0", "0", "0"], Values(lines, "received"));
        Assert.Equal(["0", "100000"], Values(lines, "sent")[..2]);
        Assert.Equal("data/b", lines[3]["newName"]!.ToString());
        Assert.All(lines, line => Assert.StartsWith("127.0.0.1:", line["client"]!.ToString(), StringComparison.Ordinal));
        Assert.All(lines, line => Assert.InRange(line["ms"]!.GetValue<double>(), 0, double.MaxValue));
        Assert.All(lines, line => Assert.Equal(DateTimeKind.Utc, line["time"]!.GetValue<DateTime>().Kind));
        Assert.Equal(lines.Length, Values(lines, "id").Distinct().Count());
        var text = await File.ReadAllTextAsync(AccessLog, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("secret", text);
        Assert.DoesNotContain("dXNlcjpwYXNz", text);
    }

    [Fact]
    public async Task The_audit_log_has_each_change_when_it_is_acknowledged_and_continues_after_a_restart()
    {
        await using (var server = await StartAsync())
        {
            using var client = server.Connect();
            var lines = 0;
            foreach (var (method, target, status) in new[]
            {
                ("POST", "/data/a", 200), ("POST", "/?cmd=mkdir", 200), ("POST", "/?cmd=move&current=data/a&new=data/b", 200),
                ("POST", "/?cmd=defrag&target=data/c", 200), ("DELETE", "/data/c", 200), ("DELETE", "/data/c", 404), ("DELETE", "/data?cmd=rmdir", 409),
            })
            {
                var body = target.Contains("defrag", StringComparison.Ordinal) ? "[[\"data/b\", 0, 1]]"u8.ToArray() : [1];
                Assert.True(client.Exchange(method, target, Login, body).Status is var found && (found == status || (status == 409 && found >= 400)), target);
                Assert.Equal(++lines, Read(AuditLog).Length);
            }
            // No change, no login.
            Assert.Equal(200, client.Exchange("GET", "/data/b", Login).Status);
            Assert.Equal(200, client.Exchange("POST", "/data/b?cmd=hash", Login).Status);
            Assert.Equal(401, client.Exchange("DELETE", "/data/b").Status);
            Assert.Equal(lines, Read(AuditLog).Length);
        }
        await using (var server = await StartAsync())
        {
            using var client = server.Connect();
            Assert.Equal(200, client.Exchange("POST", "/data/d", Login, [1]).Status);
        }
        var all = Read(AuditLog);
        Assert.Equal(["store", "mkdir", "move", "defrag", "delete", "delete", "rmdir", "store"], Values(all, "operation"));
        Assert.All(Values(all, "user"), user => Assert.Equal("user", user));
        Assert.Equal("data/c", all[3]["name"]!.ToString());
    }

    [Fact]
    public async Task Changes_are_refused_while_the_audit_log_cannot_be_written()
    {
        await using var server = await StartAsync();
        using (var client = server.Connect())
        {
            Assert.Equal(200, client.Exchange("POST", "/data/a", Login, [1]).Status);
            File.Move(AuditLog, AuditLog + ".moved");
            Directory.CreateDirectory(AuditLog);
            // This one was made before the failure was found, so it is acknowledged, and its line is in the server's own log.
            Assert.Equal(200, client.Exchange("POST", "/data/b", Login, [1]).Status);
            Assert.Contains("\"name\":\"data/b\"", server.Log);
        }
        using (var client = server.Connect()) Assert.Equal(503, client.Exchange("POST", "/data/c", Login, [1]).Status);
        using (var client = server.Connect())
        {
            Assert.Equal(200, client.Exchange("GET", "/data/b", Login).Status);
            Directory.Delete(AuditLog);
            Assert.Equal(200, client.Exchange("POST", "/data/d", Login, [1]).Status);
        }
        Assert.Equal(["data/a", "data/b", "data/d"], server.ListFiles());
        Assert.Equal(["data/b", "data/d"], Values(Read(AuditLog), "name"));
    }

    [Fact]
    public async Task The_access_log_drops_lines_with_one_warning_while_it_cannot_be_written()
    {
        await using var server = await StartAsync();
        using var client = server.Connect();
        File.Delete(AccessLog);
        Directory.CreateDirectory(AccessLog);
        for (var i = 0; i < 50; i++) Assert.Equal(404, client.Exchange("GET", "/data/a", Login).Status);
        await ServerProcess.WaitUntilAsync(() => server.Log.Contains("loses lines", StringComparison.Ordinal), () => server.Log);
        Assert.Equal(2, server.Log.Split("loses lines").Length);
    }

    private Task<TestServer> StartAsync() => TestServer.StartAsync(options => options with
    {
        Username = "user",
        Password = "pass",
        AccessLog = AccessLog,
        AuditLog = AuditLog,
    });

    private static JsonNode[] Read(string path) => [.. File.ReadAllLines(path).Select(line => JsonNode.Parse(line)!)];

    private static string[] Values(JsonNode[] lines, string name) => [.. lines.Select(line => line[name]?.ToString() ?? "")];
}
