using System.Globalization;
using System.Text.RegularExpressions;
using BorgStore.Server;

namespace BorgStore.Tests.Server.Observability;

/// <summary>The metrics of a server of its own, because meters count for a whole process.</summary>
public sealed partial class MetricsTests : IDisposable
{
    private const string Login = "Authorization: Basic dXNlcjpwYXNz\r\n";
    private const string WrongLogin = "Authorization: Basic dXNlcjp3cm9uZw==\r\n";
    private const string WrongHash = "X-Content-hash-sha256: 0000000000000000000000000000000000000000000000000000000000000000\r\n";

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Metrics_add_up_to_what_a_client_did()
    {
        await File.WriteAllTextAsync(_folder.Combine("password"), "pass", Ct);
        var (server, url) = await ServerProcess.StartOurServerAsync("--backend", _folder.StoreUrl, "--port", "0", "--quota", "1000000",
            "--username", "user", "--password-file", _folder.Combine("password"), "--metrics-listen", "0");
        await using var stopped = server;
        using var client = RawClient.Connect(new(url));

        Assert.Equal(200, client.Exchange("POST", "/?cmd=create", Login).Status);
        foreach (var size in new[] { 10, 100_000, 3_000_000 })
            Assert.Equal(size > 1_000_000 ? 507 : 200, client.Exchange("POST", $"/data/{size}", Login, new byte[size]).Status);
        Assert.Equal(200, SendInChunks(client).Status);
        Assert.Equal(422, client.Exchange("POST", "/data/x", Login + WrongHash, new byte[7]).Status);
        Assert.Equal(401, client.Exchange("GET", "/data/10").Status);
        Assert.Equal(401, client.Exchange("GET", "/data/10", WrongLogin).Status);
        for (var i = 0; i < 3; i++) Assert.Equal(10, client.Exchange("GET", "/data/10", Login).Body.Length);
        Assert.Equal(206, client.Exchange("GET", "/data/100000", Login + "Range: bytes=0-99\r\n").Status);
        Assert.Equal(404, client.Exchange("GET", "/data/none", Login).Status);
        Assert.Equal(501, client.Exchange("PUT", "/data/none", Login, new byte[1]).Status);

        var metrics = await ScrapeAsync(server, requests: 14);
        Assert.Equal(1, metrics.Sum("borgstore_server_requests_total", "operation=\"create\"", "status=\"2xx\""));
        Assert.Equal(3, metrics.Sum("borgstore_server_requests_total", "operation=\"store\"", "status=\"2xx\""));
        Assert.Equal(1, metrics.Sum("borgstore_server_requests_total", "operation=\"store\"", "status=\"4xx\""));
        Assert.Equal(1, metrics.Sum("borgstore_server_requests_total", "operation=\"store\"", "status=\"5xx\""));
        Assert.Equal(4, metrics.Sum("borgstore_server_requests_total", "operation=\"load\"", "status=\"2xx\""));
        Assert.Equal(3, metrics.Sum("borgstore_server_requests_total", "operation=\"load\"", "status=\"4xx\""));
        Assert.Equal(1, metrics.Sum("borgstore_server_requests_total", "operation=\"other\"", "status=\"5xx\""));
        // Also the bodies of refused requests, which are read to their end.
        Assert.Equal(10 + 100_000 + 3_000_000 + 5 + 7, metrics.Sum("borgstore_server_received_bytes_total", "operation=\"store\""));
        Assert.InRange(metrics.Sum("borgstore_server_sent_bytes_total", "operation=\"load\""), (3 * 10) + 100, 2000);
        Assert.Equal(14, metrics.Sum("borgstore_server_request_duration_seconds_count"));
        Assert.Equal(1, metrics.Sum("borgstore_server_hash_mismatches_total"));
        Assert.Equal(1, metrics.Sum("borgstore_server_failed_logins_total"));
        Assert.Equal(1, metrics.Sum("borgstore_server_stores_open"));
        Assert.Equal(1, metrics.Sum("borgstore_server_connections_open"));
        Assert.Equal(0, metrics.Sum("borgstore_server_requests_running"));
        Assert.Equal(100_015, metrics.Sum("borgstore_server_quota_used_bytes"));
        Assert.Equal(1_000_000, metrics.Sum("borgstore_server_quota_limit_bytes"));

        Assert.Equal(1, metrics.Sum("borgstore_calls_total", "operation=\"create\"", "scheme=\"file\""));
        Assert.Equal(5, metrics.Sum("borgstore_calls_total", "operation=\"load\"", "scheme=\"file\""));
        Assert.Equal(100_015, metrics.Sum("borgstore_bytes_total", "operation=\"store\""));
        Assert.Equal(1, metrics.Sum("borgstore_errors_total", "operation=\"store\"", "error=\"QuotaExceeded\""));
        Assert.Equal(5, metrics.Sum("borgstore_call_duration_seconds_count", "operation=\"load\""));
        Assert.DoesNotContain("data/", metrics.Text);
    }

    [Fact]
    public async Task Metrics_are_served_at_their_own_address_only()
    {
        var (server, url) = await ServerProcess.StartOurServerAsync("--backend", _folder.StoreUrl, "--port", "0", "--metrics-listen", "127.0.0.1:0");
        await using var stopped = server;
        using var http = new HttpClient();
        Assert.Equal(406, (int)(await http.GetAsync(new Uri(url + "/-/metrics"), Ct)).StatusCode);
        var metrics = FindMetricsUrl(server);
        Assert.Equal(200, (int)(await http.GetAsync(metrics, Ct)).StatusCode);
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri(metrics, "/-/health"), Ct));
        Assert.Equal(404, (int)(await http.GetAsync(new Uri(metrics, "/data/a"), Ct)).StatusCode);
    }

    [Theory]
    [InlineData("9464", "127.0.0.1:9464")]
    [InlineData("0.0.0.0:9464", "0.0.0.0:9464")]
    [InlineData("[::1]:0", "[::1]:0")]
    public void The_address_is_a_port_or_an_address_with_a_port(string text, string expected)
        => Assert.Equal(expected, CommandLine.Parse(["--backend", _folder.StoreUrl, "--metrics-listen", text]).MetricsEndPoint!.ToString());

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("host:9464")]
    [InlineData("70000")]
    [InlineData("127.0.0.1:")]
    public void Another_address_is_refused(string text)
        => Assert.Contains("--metrics-listen", Assert.Throws<StoreException>(() => CommandLine.Parse(["--backend", _folder.StoreUrl, "--metrics-listen", text])).Message);

    private static RawAnswer SendInChunks(RawClient client)
    {
        client.Send(RawClient.Request("POST", "/data/chunks", Login + "Transfer-Encoding: chunked\r\n"));
        client.Send("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
        return client.Receive();
    }

    // A response may arrive before its request is counted.
    private static async Task<Metrics> ScrapeAsync(ServerProcess server, int requests)
    {
        using var http = new HttpClient();
        while (true)
        {
            var metrics = new Metrics(await http.GetStringAsync(FindMetricsUrl(server), Ct));
            if (metrics.Sum("borgstore_server_requests_total") >= requests && metrics.Sum("borgstore_server_requests_running") == 0) return metrics;
            await Task.Delay(100, Ct);
        }
    }

    private static Uri FindMetricsUrl(ServerProcess server) => new(MetricsUrl().Match(server.Output).Groups[1].Value);

    [GeneratedRegex(@"Metrics at (\S+)")]
    private static partial Regex MetricsUrl();

    private sealed partial record Metrics(string Text)
    {
        // The sum over all label sets with these labels.
        public double Sum(string name, params string[] labels)
            => Sample().Matches(Text).Where(sample => sample.Groups["name"].Value == name && labels.All(label => sample.Groups["labels"].Value.Contains(label, StringComparison.Ordinal)))
                .Sum(sample => double.Parse(sample.Groups["value"].Value, CultureInfo.InvariantCulture));

        [GeneratedRegex(@"^(?<name>\w+)(\{(?<labels>[^}]*)\})? (?<value>\S+)", RegexOptions.Multiline)]
        private static partial Regex Sample();
    }
}
