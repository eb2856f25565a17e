using BorgStore.Security;

namespace BorgStore.Tests.Server;

/// <summary>Uploads that the Python server handles incorrectly, and extensions.</summary>
public sealed class UploadTests
{
    private const string WrongHash = "X-Content-hash-sha256: 0000000000000000000000000000000000000000000000000000000000000000\r\n";

    [Theory]
    [InlineData(10)]
    [InlineData(5 << 20)]
    public async Task A_chunked_upload_is_stored_correctly(int size)
    {
        var value = new byte[size];
        new Random(1).NextBytes(value);
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        client.Send(RawClient.Request("POST", "/data/a", "Transfer-Encoding: chunked\r\n"));
        foreach (var chunk in value.Chunk(100_000))
        {
            client.Send($"{chunk.Length:x}\r\n");
            client.Send(chunk);
            client.Send("\r\n");
        }
        client.Send("0\r\n\r\n");
        Assert.Equal(200, client.Receive().Status);
        Assert.Equal(value, client.Exchange("GET", "/data/a").Body);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(5 << 20)]
    public async Task An_upload_with_a_wrong_hash_leaves_the_old_value(int size)
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("POST", "/data/a", "", "old"u8.ToArray()).Status);
        Assert.Equal(422, client.Exchange("POST", "/data/a", WrongHash, new byte[size]).Status);
        var rejected = client.Exchange("POST", "/data/b", WrongHash, new byte[size]);
        Assert.Equal((422, "Content hash verification failed, please retry"), (rejected.Status, rejected.Text));
        Assert.Equal("old", client.Exchange("GET", "/data/a").Text);
        Assert.Equal(["data/a"], server.ListFiles());
    }

    [Theory]
    [InlineData("", 401)]
    [InlineData("Authorization: Basic dXNlcjpwYXNz\r\n", 403)]
    public async Task An_early_rejection_consumes_the_body_and_keeps_the_connection(string credentials, int status)
    {
        await using var server = await TestServer.StartAsync(options => options with
        {
            Username = "user",
            Password = "pass",
            Permissions = PermissionMap.Parse("read-only"),
        });
        using var client = server.Connect();
        for (var i = 0; i < 3; i++) Assert.Equal(status, client.Exchange("POST", "/data/a", credentials, new byte[20 << 20]).Status);
    }

    [Fact]
    public async Task A_client_that_expects_100_continue_gets_it_or_a_rejection()
    {
        await using var server = await TestServer.StartAsync(options => options with { Permissions = PermissionMap.Parse("""{"": "lr", "data": "lrw"}""") });
        using var client = server.Connect();
        client.Send(RawClient.Request("POST", "/data/a", "Expect: 100-continue\r\n", 5));
        Assert.Equal(100, client.Receive(isHead: true).Status);
        client.Send("value");
        Assert.Equal(200, client.Receive().Status);

        client.Send(RawClient.Request("POST", "/other/a", "Expect: 100-continue\r\n", 100_000));
        var refusal = client.Receive();
        Assert.Equal((403, "close"), (refusal.Status, refusal.Headers["Connection"]));
    }

    [Fact]
    public async Task If_None_Match_creates_an_item_only_once()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        const string OnlyNew = "If-None-Match: *\r\n";
        Assert.Equal(200, client.Exchange("POST", "/data/a", OnlyNew, "first"u8.ToArray()).Status);
        var refusal = client.Exchange("POST", "/data/a", OnlyNew, "second"u8.ToArray());
        Assert.Equal((409, "ObjectAlreadyExists"), (refusal.Status, refusal.Headers["X-BorgStore-Error"]));
        Assert.Equal(409, client.Exchange("POST", "/?cmd=move&current=data/a&new=data/a", OnlyNew).Status);
        Assert.Equal("first", client.Exchange("GET", "/data/a").Text);
    }

    [Fact]
    public async Task A_digest_is_returned_on_request()
    {
        await using var server = await TestServer.StartAsync();
        using var client = server.Connect();
        const string Wanted = "Want-Repr-Digest: sha-256=1\r\n";
        const string Expected = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
        Assert.Equal(Expected, client.Exchange("POST", "/data/a", Wanted, "hello"u8.ToArray()).Headers["Repr-Digest"]);
        Assert.Equal(Expected, client.Exchange("GET", "/data/a", Wanted).Headers["Repr-Digest"]);
        Assert.DoesNotContain("Repr-Digest", client.Exchange("GET", "/data/a").Headers.Keys);
    }

    [Fact]
    public async Task A_tree_is_listed_in_pages_and_a_large_directory_as_a_whole()
    {
        await using var server = await TestServer.StartAsync();
        var names = Enumerable.Range(0, 1000).Select(i => $"data/{i % 7}/{i:0000}").Order(StringComparer.Ordinal).ToList();
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(server.StorePath, name))!);
            await File.WriteAllBytesAsync(Path.Combine(server.StorePath, name), [], TestContext.Current.CancellationToken);
        }
        using var client = server.Connect();
        var found = new List<string>();
        for (string? after = ""; after is not null;)
        {
            var page = System.Text.Json.Nodes.JsonNode.Parse(client.Exchange("GET", $"//?cmd=tree&limit=13&after={after}").Body)!;
            found.AddRange(page["items"]!.AsArray().Select(item => item!["name"]!.ToString()));
            after = page["next"]?.ToString();
        }
        Assert.Equal(names, found);

        for (var i = 0; i < 1000; i++) await File.WriteAllBytesAsync(Path.Combine(server.StorePath, $"data/0/{new string('x', 50)}{i}"), [], TestContext.Current.CancellationToken);
        var listing = client.Exchange("GET", "/data/0/");
        Assert.Equal(listing.Body.Length.ToString(System.Globalization.CultureInfo.InvariantCulture), listing.Headers["Content-Length"]);
        Assert.Equal(1143, System.Text.Json.Nodes.JsonNode.Parse(listing.Body)!.AsArray().Count);
    }
}
