using System.Text.RegularExpressions;
using BorgStore.Server;
using BorgStore.Server.Observability;
using BorgStore.Tests.Server.Users;

namespace BorgStore.Tests.Server.Observability;

/// <summary>The access log in Apache's combined format.</summary>
public sealed partial class CombinedLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Each_request_is_one_line_whatever_the_client_sends()
    {
        Dictionary<string, string> passwords = new() { ["anna b\"] - ["] = "pear", ["m\u00fcller"] = "plum" };
        await using (var server = await UsersServer.StartAsync(null, passwords, options => options with
        {
            AccessLog = _folder.Combine("access.log"),
            AccessLogFormat = AccessLogFormat.Combined,
            TrustedProxies = ["127.0.0.1"],
        }))
        {
            server.MakeStore("photos", ("data/a", "value"));
            using var client = server.Connect();
            foreach (var (user, password) in passwords) Assert.Equal(200, client.Exchange("GET", "/photos/data/a?token=secret", UsersServer.Basic(user, password) + "X-Forwarded-For: 203.0.113.7\r\n").Status);
            client.Exchange("GET", "/photos/data/a\"b", UsersServer.Basic("nobody \" 200", "wrong") + "User-Agent: a\"\\b\r\n");
            client.Exchange("POST", "/photos/?cmd=x%22%0A1.2.3.4%20-", "Referer: http://secret/\r\n");
        }
        var lines = await File.ReadAllLinesAsync(_folder.Combine("access.log"), TestContext.Current.CancellationToken);
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.Matches(Combined(), line));
        Assert.Equal([@"anna\x20b\""]\x20-\x20[", @"m\xc3\xbcller", "-", "-"], lines.Select(line => Combined().Match(line).Groups["user"].Value));
        Assert.Equal(["200", "200", "401", "401"], lines.Select(line => Combined().Match(line).Groups["status"].Value));
        Assert.Equal(["203.0.113.7", "203.0.113.7", "127.0.0.1", "127.0.0.1"], lines.Select(line => line.Split(' ')[0]));
        Assert.Contains(@"""GET /photos/data/a HTTP/1.1"" 200 5 ""-"" ""-""", lines[0], StringComparison.Ordinal);
        Assert.EndsWith(@"""a\""\\b""", lines[2], StringComparison.Ordinal);
        Assert.Contains(@"""POST /photos/?cmd=x\""\x0a1.2.3.4 - HTTP/1.1""", lines[3], StringComparison.Ordinal);
        Assert.DoesNotContain("secret", string.Concat(lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("combined", AccessLogFormat.Combined)]
    [InlineData("json", AccessLogFormat.Json)]
    public void The_format_is_an_option(string text, AccessLogFormat expected)
        => Assert.Equal(expected, CommandLine.Parse(["--backend", "file:///x", "--access-log", "x", "--access-log-format", text]).AccessLogFormat);

    [Fact]
    public void The_format_needs_a_log()
        => Assert.Contains("needs '--access-log'", Assert.Throws<StoreException>(() => CommandLine.Parse(["--backend", "file:///x", "--access-log-format", "json"])).Message, StringComparison.Ordinal);

    [GeneratedRegex("""^[0-9.]+ - (?<user>\S+) \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "(?:[^"\\]|\\.)*" (?<status>\d{3}) (?:\d+|-) "-" "(?:[^"\\]|\\.)*"$""")]
    private static partial Regex Combined();
}
