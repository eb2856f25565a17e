using System.Text;
using BorgStore.Security;
using BorgStore.Server.Hosting;
using Microsoft.Extensions.Logging;

namespace BorgStore.Tests.Server;

/// <summary>Requests that no honest client sends.</summary>
public sealed class AttackTests
{
    private static readonly string Credentials = $"Authorization: Basic {Convert.ToBase64String("user:pass"u8)}\r\n";

    [Fact]
    public async Task A_request_smuggled_in_a_rejected_body_is_not_processed()
    {
        await using var server = await TestServer.StartAsync(options => options with { Username = "user", Password = "pass" });
        using var client = server.Connect();
        // The first request has no credentials, the hidden one has.
        var hidden = Encoding.ASCII.GetBytes(RawClient.Request("POST", "/data/smuggled", Credentials, length: 1) + "x");
        Assert.Equal(401, client.Exchange("POST", "/data/a", "", hidden).Status);
        // The next response is to the second request, so the hidden one was not executed.
        Assert.Equal(404, client.Exchange("HEAD", "/data/smuggled", Credentials).Status);
        Assert.Empty(server.ListFiles());
    }

    [Theory]
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n", "12345")]
    [InlineData("Content-Length: -1\r\n", "")]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET / HTTP/1.1\r\n\r\n")]
    [InlineData("Transfer-Encoding: gzip\r\n", "12345")]
    public async Task Ambiguous_lengths_store_nothing_unexpected(string lengths, string body)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        client.Send($"POST /data/a HTTP/1.1\r\nHost: test\r\n{RawClient.Accept}{lengths}\r\n{body}");
        var answer = client.TryReceive();
        Assert.True(answer is null or { Status: 400 or 501 or 200 }, $"{answer?.Status}");
        Assert.DoesNotContain(server.ListFiles(), file => new FileInfo(Path.Combine(server.StorePath, file)).Length > 0);
    }

    [Theory]
    [InlineData("POST", "/data/a?cmd=hash&algorithm=sha256%0d%0aX-Injected:%20yes", 400)]
    [InlineData("POST", "/?cmd=defrag&target=data/a%0d%0aX-Injected:%20yes", 400)]
    [InlineData("POST", "/?cmd=move&current=data/a&new=data/b%0d%0aX-Injected:%20yes", 400)]
    [InlineData("POST", "/data/a%0d%0aX-Injected:%20yes?cmd=x%0d%0aX-Injected:%20yes", 400)]
    [InlineData("POST", "/?cmd=defrag&algorithm=sha256&levels=abc", 400)]
    [InlineData("POST", "/?cmd=defrag&algorithm=sha256&levels=-1", 400)]
    [InlineData("POST", "/?cmd=defrag&algorithm=sha256&levels=99999999999999999999", 400)]
    [InlineData("POST", "/data/a?cmd=unknown", 400)]
    [InlineData("DELETE", "/data/a?cmd=unknown", 400)]
    public async Task Malicious_query_arguments_are_rejected_and_inject_nothing(string method, string target, int status)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/data/a", "", "value"u8.ToArray()).Status);
        var answer = client.Exchange(method, target, "", "[]"u8.ToArray());
        Assert.Equal(status, answer.Status);
        Assert.DoesNotContain("X-Injected", answer.Headers.Keys);
        Assert.DoesNotContain('\n', answer.Text);
        Assert.Equal("value", client.Exchange("GET", "/data/a").Text);
        Assert.Equal(["data/a"], server.ListFiles());
    }

    [Theory]
    [InlineData("/../outside")]
    [InlineData("/data/../../outside")]
    [InlineData("/data/%2e%2e/%2e%2e/outside/.")]
    [InlineData("/./data/new")]
    [InlineData("/data//new")]
    [InlineData("/data/./new")]
    [InlineData("/data/new.")]
    [InlineData("/c:/windows/x")]
    [InlineData("/data/con")]
    [InlineData(@"/data\..\x")]
    [InlineData("/quota.hid")]
    [InlineData("/data/x.tmp")]
    [InlineData("/data/\u00fcml")]
    public async Task Paths_cannot_leave_the_store(string target)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var (method, path) in new[]
        {
            ("POST", target), ("POST", $"/?cmd=move&current=data/a&new={Uri.EscapeDataString(target.TrimStart('/'))}"), ("POST", $"{target}?cmd=mkdir"),
        })
        {
            using var client = server.Connect();
            Assert.Equal(400, client.Exchange(method, path, "", [1]).Status);
        }
        Assert.Empty(server.ListFiles());
        Assert.Empty(Directory.GetDirectories(server.StorePath));
    }

    [Theory]
    [InlineData("/secret/a")]
    [InlineData("/./secret/a")]
    [InlineData("//secret/a")]
    [InlineData("/secret//a")]
    [InlineData("/secret/./a")]
    public async Task An_alternative_spelling_of_a_name_does_not_bypass_permissions(string target)
    {
        await using var server = await TestServer.StartAsync(options => options with { Permissions = PermissionMap.Parse("""{"": "lrwWD", "secret": ""}""") });
        Directory.CreateDirectory(Path.Combine(server.StorePath, "secret"));
        await File.WriteAllTextAsync(Path.Combine(server.StorePath, "secret", "a"), "secret", TestContext.Current.CancellationToken);
        using var client = server.Connect();
        Assert.True(client.Exchange("GET", target).Status is 400 or 403);
        Assert.True(client.Exchange("POST", target, "", [1]).Status is 400 or 403);
        Assert.True(client.Exchange("DELETE", target).Status is 400 or 403);
        Assert.True(client.Exchange("GET", $"{target}/").Status is 400 or 403);
    }

    [Fact]
    public async Task A_stalled_upload_is_cut_off_and_leaves_no_files()
    {
        await using var server = await TestServer.StartAsync(options => options with { StallTimeout = TimeSpan.FromSeconds(1.5) });
        foreach (var length in new[] { 1000, 10 << 20 })
        {
            using var client = server.Connect();
            client.Send(RawClient.Request("POST", "/data/a", length: length));
            client.Send(new byte[length / 2]);
            Assert.True(client.TryReceive() is null or { Status: 408 });
        }
        await ServerProcess.WaitUntilAsync(() => server.ListFiles().Length == 0, () => string.Join(", ", server.ListFiles()));
    }

    [Fact]
    public async Task An_upload_that_disconnects_halfway_leaves_no_files()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var length in new[] { 1000, 10 << 20 })
        {
            using var client = server.Connect();
            client.Send(RawClient.Request("POST", "/data/a", length: length));
            client.Send(new byte[length / 2]);
        }
        await Task.Delay(200, TestContext.Current.CancellationToken);
        await ServerProcess.WaitUntilAsync(() => server.ListFiles().Length == 0, () => string.Join(", ", server.ListFiles()));
    }

    [Fact]
    public async Task A_slow_but_steady_upload_is_not_cut_off()
    {
        await using var server = await TestServer.StartAsync(options => options with { StallTimeout = TimeSpan.FromSeconds(2) });
        using var client = server.Connect();
        client.Send(RawClient.Request("POST", "/data/a", length: 80_000));
        for (var i = 0; i < 8; i++)
        {
            client.Send(new byte[10_000]);
            await Task.Delay(700, TestContext.Current.CancellationToken);
        }
        Assert.Equal(200, client.Receive().Status);
        Assert.Equal(["data/a"], server.ListFiles());
    }

    [Fact]
    public async Task Ten_thousand_headers_are_rejected()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: test\r\n" + RawClient.Accept);
        try
        {
            for (var i = 0; i < 10_000; i++) client.Send($"X-Header-{i}: {i}\r\n");
            client.Send("\r\n");
        }
        catch (IOException)
        {
            // Cut off halfway.
        }
        Assert.True(client.TryReceive() is null or { Status: 431 or 400 });
        using var honest = server.Connect();
        Assert.Equal(200, honest.Exchange("HEAD", "/").Status);
    }

    [Fact]
    public async Task A_very_slow_reader_does_not_block_others_and_is_cut_off()
    {
        // Sets a minimum rate of 64 KiB within a second and a half.
        await using var server = await TestServer.StartAsync(options => options with { StallTimeout = TimeSpan.FromSeconds(1.5), MinimumRate = 1 << 20 });
        using (var client = server.Connect()) Assert.Equal(200, client.Exchange("POST", "/data/a", "", new byte[20 << 20]).Status);
        using var slow = server.Connect();
        slow.Send(RawClient.Request("GET", "/data/a"));
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        for (var i = 0; i < 20; i++)
        {
            using var honest = server.Connect();
            Assert.Equal(200, honest.Exchange("HEAD", "/data/a").Status);
        }
        await Task.Delay(6000, TestContext.Current.CancellationToken);
        Assert.ThrowsAny<IOException>(() => { slow.Receive(); });
    }

    [Fact]
    public async Task Log_lines_cannot_be_forged()
    {
        using var log = new StringWriter();
        var logger = new LineLogger(LogLevel.Information, log);
        logger.Log(LogLevel.Information, default, "a\nb\r\u001b[31mc\u0085d\u2028e\\n", null, (text, _) => text);
        Assert.EndsWith(@"Z info  a\x0ab\x0d\x1b[31mc\x85d\x2028e\\n" + "\n", log.ToString());

        await using var server = await TestServer.StartAsync(options => options with { LogLevel = LogLevel.Debug, Username = "user", Password = "pass" });
        using var client = server.Connect();
        client.Exchange("GET", @"/data/a%0a\x", Credentials);
        await ServerProcess.WaitUntilAsync(() => server.Log.Contains("-> 4", StringComparison.Ordinal), () => server.Log);
        Assert.DoesNotContain("pass", server.Log, StringComparison.Ordinal);
        Assert.All(server.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(@"^\d{4}-\d\d-\d\dT[\d:.]+Z (info |debug|warn ) [ -~]+$", line));
    }

    [Fact]
    public async Task Only_the_health_check_works_without_credentials()
    {
        await using var server = await TestServer.StartAsync(options => options with { Username = "user", Password = "pass" });
        using var client = server.Connect();
        client.Send("GET /?cmd=health HTTP/1.1\r\nHost: test\r\n\r\n");
        var answer = client.Receive();
        Assert.Equal((204, 0), (answer.Status, answer.Body.Length));
        Assert.Equal(401, client.Exchange("GET", "/?cmd=tree").Status);
        foreach (var wrong in new[] { "user:", "user:pas", "user:passs", ":pass", "" })
            Assert.Equal(401, client.Exchange("GET", "/", $"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(wrong))}\r\n").Status);
        Assert.Equal(401, client.Exchange("GET", "/", "Authorization: Basic !!!\r\n").Status);
        Assert.Equal(401, client.Exchange("GET", "/", "Authorization: Bearer dXNlcjpwYXNz\r\n").Status);
        Assert.Equal(200, client.Exchange("GET", "/", Credentials.Replace("Basic", "basic", StringComparison.Ordinal)).Status);
    }

    [Theory]
    [InlineData(700)]
    [InlineData(2000)]
    [InlineData(16_000)]
    public async Task A_password_of_any_length_is_accepted_only_if_it_matches(int length)
    {
        var password = string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i % 26))));
        await using var server = await TestServer.StartAsync(options => options with { Username = "user", Password = password });
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("GET", "/", Basic(password)).Status);
        foreach (var wrong in new[] { password[..^1], password + "x", password[..^1] + "#", "" })
            Assert.Equal(401, client.Exchange("GET", "/", Basic(wrong)).Status);

        static string Basic(string password) => $"Authorization: Basic {Convert.ToBase64String(Encoding.ASCII.GetBytes("user:" + password))}\r\n";
    }

    [Fact]
    public void A_server_with_a_user_but_no_password_does_not_start()
    {
        foreach (var password in new[] { null, "" })
            Assert.Throws<StoreException>(() => new BorgStore.Server.RestServer(new() { Backend = "file:///nowhere", Username = "user", Password = password }));
    }
}
