using System.Text;
using BorgStore.Security;

namespace BorgStore.Tests.Server;

/// <summary>Every argument of every command at its extremes: the server never fails, and nothing is lost.</summary>
public sealed class ExtremeRequestTests
{
    private static readonly string[] Names =
    [
        "", "/", ".", "..", "data", "data/", "data/a", "data/a/b", "item", "item/x", "none", "none/x", "data/x.tmp", "quota.hid", "data//a", "%00", "data/%ff", "%ed%a0%80",
        new string('a', 96), new string('a', 97), new string('a', 100), new string('a', 101), new string('a', 4000), string.Concat(Enumerable.Repeat("a/", 48)) + "a",
    ];

    private static readonly string[] Numbers =
    [
        "", "0", "1", "-0", "-1", "+1", "1.5", "1e3", "0x1", "2147483647", "2147483648", "1073741824", "4294967296", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "99999999999999999999999999999999999999", new string('9', 4000), "null", "NaN", "١", "%00", " 1",
    ];

    [Fact]
    public async Task Extreme_requests_cause_no_server_error_and_change_nothing()
    {
        await using var server = await TestServer.StartAsync(options => options with { Quota = 1 << 20 });
        var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/data/a", "", "value"u8.ToArray()).Status);
        Assert.Equal(200, client.Exchange("POST", "/item", "", "value"u8.ToArray()).Status);
        var files = server.ListFiles();
        var broken = new List<string>();
        foreach (var request in Requests())
        {
            var answer = client.Exchange(request.Method, request.Target, request.Headers, Encoding.UTF8.GetBytes(request.Body));
            if (answer.Status >= 500 && answer.Status is not (501 or 507)) broken.Add($"{answer.Status} {request} {answer.Text}");
            if (answer.Headers.GetValueOrDefault("Connection") != "close") continue;
            // A malformed request ends its connection.
            client.Dispose();
            client = server.Connect();
        }
        Assert.Equal("", string.Join('\n', broken));
        Assert.DoesNotContain("   at ", server.Log, StringComparison.Ordinal);
        Assert.Empty(files.Except(server.ListFiles()));
        Assert.Equal("value", client.Exchange("GET", "/data/a").Text);
        client.Dispose();
    }

    [Theory]
    [InlineData("/data/a")]
    [InlineData("/?cmd=gather")]
    [InlineData("/?cmd=defrag&target=data/d")]
    public async Task An_invalid_or_overflowing_chunk_size_is_rejected(string target)
    {
        await using var server = await TestServer.StartAsync();
        foreach (var size in new[] { "92233720368547758075", "ffffffffffffffff", "-1", "x" })
        {
            using var client = server.Connect();
            client.Send(RawClient.Request("POST", target, "Transfer-Encoding: chunked\r\n") + $"{size}\r\n12345\r\n0\r\n\r\n");
            Assert.Equal((size, 400), (size, client.Receive().Status));
        }
        Assert.DoesNotContain("   at ", server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bytes=0-9223372036854775807", "value")]
    [InlineData("bytes=1-9223372036854775807", "alue")]
    [InlineData("bytes=9223372036854775807-9223372036854775807", "")]
    [InlineData("bytes=9223372036854775807-", "")]
    [InlineData("bytes=-9223372036854775807", "value")]
    [InlineData("bytes=-9223372036854775808", "value")]
    [InlineData("bytes=0-0", "v")]
    public async Task Ranges_are_clipped_to_the_value(string range, string expected)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/data/a", "", "value"u8.ToArray()).Status);
        var answer = client.Exchange("GET", "/data/a", $"Range: {range}\r\n");
        Assert.Equal((206, expected), (answer.Status, answer.Text));
    }

    [Theory]
    [InlineData("POST", "/?cmd=move&current=data&new=item", 409)]
    [InlineData("POST", "/?cmd=move&current=data&new=other/item", 409)]
    [InlineData("POST", "/?cmd=move&current=data&new=item/x", 409)]
    [InlineData("POST", "/?cmd=move&current=data&new=data/x", 400)]
    [InlineData("DELETE", "/data?cmd=rmdir", 400)]
    [InlineData("DELETE", "/?cmd=rmdir", 400)]
    public async Task A_move_or_directory_that_conflicts_with_an_item_is_rejected(string method, string target, int status)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        foreach (var name in new[] { "/data/a", "/item", "/other/item" }) Assert.Equal(200, client.Exchange("POST", name, "", [1]).Status);
        foreach (var headers in new[] { "", "If-None-Match: *\r\n" })
        {
            var answer = client.Exchange(method, target, headers);
            Assert.Equal((status, status == 409 ? "ObjectAlreadyExists" : "InvalidArgument"), (answer.Status, answer.Headers.GetValueOrDefault("X-BorgStore-Error")));
        }
        Assert.Equal(["data/a", "item", "other/item"], server.ListFiles());
    }

    [Theory]
    [InlineData("HEAd")]
    [InlineData("get")]
    public async Task A_method_in_the_wrong_case_is_not_implemented(string method)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        foreach (var headers in new[] { "", "Accept: something\r\n" })
            foreach (var target in new[] { "/", "/data/a" }) Assert.Equal(501, client.Exchange(method, target, headers).Status);
    }

    [Theory]
    [InlineData("POST", "/?cmd=defrag&target=keys/x", "[[", 403)]
    [InlineData("POST", "/?cmd=defrag&algorithm=sha256&namespace=keys", "[[", 403)]
    [InlineData("POST", "/?cmd=defrag&target=data/x", """[["keys/a", 0, 1], [""", 403)]
    [InlineData("POST", "/?cmd=gather", """[["keys/a", 0, 1], [""", 403)]
    [InlineData("POST", "/?cmd=gather", """[["data/a", 0, 1], [""", 400)]
    public async Task Permissions_are_checked_before_the_rest_of_a_block_list_is_parsed(string method, string target, string body, int status)
    {
        await using var server = await TestServer.StartAsync(options => options with { Permissions = PermissionMap.Parse("""{"": "lrwWD", "keys": ""}""") });
        using var client = server.Connect();
        Assert.Equal(status, client.Exchange(method, target, "", Encoding.UTF8.GetBytes(body)).Status);
    }

    private static IEnumerable<Request> Requests()
    {
        foreach (var name in Names)
        {
            foreach (var range in Numbers.SelectMany(number => new[] { $"bytes={number}-", $"bytes=-{number}", $"bytes=0-{number}", $"bytes={number}-{number}", number }))
                if (name is "data/a" or "data") yield return new("GET", $"/{name}", $"Range: {range.Replace("١", "x", StringComparison.Ordinal)}\r\n");
            yield return new("GET", $"/{name}");
            yield return new("GET", $"/{name}/");
            yield return new("GET", $"/{name}?cmd=tree");
            yield return new("GET", $"/data/?cmd=tree&after={name}");
            yield return new("POST", $"/{name}?cmd=hash");
            yield return new("POST", $"/{name}?cmd=nosuch");
            yield return new("DELETE", $"/{name}?cmd=rmdir");
            yield return new("DELETE", $"/?cmd=temporary&id={name}&mtime=1");
            yield return new("DELETE", $"/?cmd=temporary&id={name}.tmp&mtime=1");
            yield return new("POST", "/?cmd=gather", "", $"""[["{name}", 0, 1]]""");
            yield return new("POST", $"/?cmd=defrag&target={name}", "If-None-Match: *\r\n", """[["data/a", 0, 1]]""");
            yield return new("POST", $"/?cmd=defrag&algorithm=sha256&namespace={name}", "", """[["data/a", 0, 1]]""");
            foreach (var mode in new[] { "", "If-None-Match: *\r\n" })
            {
                if (name is not ("data/a" or "item")) yield return new("POST", $"/?cmd=move&current={name}&new=data/moved/x", mode);
                yield return new("POST", "/dir/x");
                yield return new("POST", $"/?cmd=move&current=dir&new={name}", mode);
                yield return new("POST", $"/?cmd=move&current=none&new={name}", mode);
            }
            yield return new("POST", $"/{name}?cmd=mkdir");
        }
        foreach (var number in Numbers)
        {
            yield return new("GET", $"//?cmd=tree&limit={number}");
            yield return new("GET", $"/?cmd=temporaries&age={number}");
            yield return new("DELETE", $"/?cmd=temporary&id=data/x.tmp&mtime={number}");
            yield return new("POST", $"/?cmd=defrag&algorithm=sha256&levels={number}", "", """[["data/a", 0, 1]]""");
            yield return new("POST", $"/data/a?cmd=hash&algorithm={number}");
            foreach (var command in new[] { "gather", "defrag&target=data/new", "defrag&algorithm=sha256" })
                foreach (var block in new[] { $"0, {number}", $"{number}, 1", $"{number}, {number}", $"{number}, 0", "0, 1], [\"data/a\", 0, " + number, number })
                    yield return new("POST", $"/?cmd={command}", "", $"""[["data/a", {block}]]""");
            yield return new("POST", "/?cmd=gather", "", number);
        }
        yield return new("POST", "/?cmd=gather", "", new string('[', 100_000));
        yield return new("POST", "/?cmd=move");
        yield return new("POST", "/?cmd=defrag");
        yield return new("DELETE", "/?cmd=temporary");
        yield return new("POST", "/data/new?cmd&cmd=&&=&=x");
        yield return new("GET", "/?" + string.Concat(Enumerable.Repeat("a&", 2000)));
    }

    private sealed record Request(string Method, string Target, string Headers = "", string Body = "");
}
