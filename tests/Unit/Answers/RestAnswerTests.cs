using System.Globalization;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;

namespace BorgStore.Tests.Answers;

/// <summary>Wrong answers from a REST server, and servers that are not one: each is reported, and nothing in it is trusted.</summary>
public sealed class RestAnswerTests : IAsyncLifetime
{
    private const string Octets = "200 OK\nContent-Type: application/octet-stream\nX-BorgStore-Server: 2";
    private const string Part = "206 Partial Content\nContent-Type: application/octet-stream\nX-BorgStore-Server: 2";
    private const string Json = "200 OK\nContent-Type: application/json\nX-BorgStore-Server: 2";
    private const string Text = "200 OK\nContent-Type: text/plain\nX-BorgStore-Server: 2";
    private const string Page = "<html><body>Welcome to the hotel. Please log in.</body></html>";

    private static readonly string Digest = new('a', 64);

    private readonly ScriptedHttp _server;
    private readonly RestBackend _client;
    private Func<ScriptedRequest, byte[]?>? _answer;

    public RestAnswerTests()
    {
        _server = new(request => _answer is null || request.Is("HEAD", "/ ") || request.Target == "/" ? Root() : _answer(request));
        _client = Client(_server.Url);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _client.OpenAsync(Ct);

    public async ValueTask DisposeAsync()
    {
        _server.Endless = null;
        _answer = _ => ScriptedHttp.Http("200 OK\nX-BorgStore-Server: 2");
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("this is no JSON")]
    [InlineData("{}")]
    [InlineData("\"text\"")]
    [InlineData("[1]")]
    [InlineData("[null]")]
    [InlineData("[[]]")]
    [InlineData("[{}]")]
    [InlineData("""[{"size":1,"directory":false}]""")]
    [InlineData("""[{"name":"a","directory":false}]""")]
    [InlineData("""[{"name":"a","size":1}]""")]
    [InlineData("""[{"name":"a","size":-1,"directory":false}]""")]
    [InlineData("""[{"name":"a","size":1.5,"directory":false}]""")]
    [InlineData("""[{"name":"a","size":99999999999999999999,"directory":false}]""")]
    [InlineData("""[{"name":"a","size":"1","directory":false}]""")]
    [InlineData("""[{"name":1,"size":1,"directory":false}]""")]
    [InlineData("""[{"name":"a","size":1,"directory":"no"}]""")]
    [InlineData("""[{"name":"a","size":1,"directory":false,"atime":"NaN"}]""")]
    [InlineData("""[{"name":"a","size":1,"directory":false},{"name":"a","size":2,"directory":false}]""")]
    [InlineData("""[{"name":"a","size":1,"directory":false}""")]
    [InlineData("""[{"name":"\ud800","size":1,"directory":false}]""")]
    public async Task A_malformed_listing_is_rejected(string body)
    {
        _answer = _ => ScriptedHttp.Http(Json, body);
        await AssertWrongAsync(async () => await _client.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task Listings_skip_invalid_names_and_ignore_out_of_range_times()
    {
        var names = new[] { "..", "a/b", "../x", "/etc", ".hid", "x.tmp", "a\\\\b", "a b", "A", "\\u0000", "" };
        _answer = _ => ScriptedHttp.Http(Json, $"[{string.Join(',', names.Select(name => $$"""{"name":"{{name}}","size":1,"directory":false}"""))},"
            + """{"name":"z","size":1,"directory":false,"atime":1e300,"mtime":-1e300}]""");
        Assert.Equal([new("z", 1)], await _client.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct));
        _answer = _ => ScriptedHttp.Http(Json, $$"""{"items":[{"name":"a/../../x","size":1},{"name":"b//c","size":1},{"name":"z","size":1,"mtime":253402300800}]}""");
        Assert.Equal([new("z", 1)], await _client.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct));
    }

    [Theory]
    [InlineData("""{"items":null}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"items":[null]}""")]
    [InlineData("""{"items":[{"name":null,"size":1}]}""")]
    [InlineData("""{"items":[{"name":"a","size":-5}]}""")]
    [InlineData("""{"items":[],"next":"a"}""")]
    [InlineData("""{"items":[{"name":"b","size":1}],"next":"a"}""")]
    [InlineData("""{"items":[{"name":"b","size":1}],"next":"b"}""")]
    [InlineData("""{"items":[{"name":"b","size":1},{"name":"a","size":1}]}""")]
    [InlineData("""{"items":[{"name":"b","size":1},{"name":"b","size":1}]}""")]
    public async Task A_tree_listing_that_is_malformed_or_does_not_advance_is_rejected(string body)
    {
        _answer = _ => ScriptedHttp.Http(Json, body);
        await AssertWrongAsync(async () => await _client.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task Listing_a_directory_that_contains_itself_terminates()
    {
        // Not one of our servers, so that the client lists one directory after another.
        await using var server = new ScriptedHttp(request => request.Target == "/" ? Root(ours: false)
            : ScriptedHttp.Http("200 OK\nContent-Type: application/json", """[{"name":"again","size":0,"directory":true}]"""));
        await using var client = Client(server.Url);
        await client.OpenAsync(Ct);
        Assert.Empty(await client.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct));
        Assert.InRange(server.Requests.Count, 2, 30);
    }

    [Theory]
    [InlineData("[{}]")]
    [InlineData("{}")]
    [InlineData("""[{"id":1,"size":1,"mtime":1}]""")]
    [InlineData("""[{"id":"a.tmp","size":-1,"mtime":1}]""")]
    [InlineData("""[{"id":"a.tmp","size":1,"mtime":1e28}]""")]
    [InlineData("""[{"id":"a.tmp","size":1,"mtime":1e99}]""")]
    [InlineData("""[{"id":"a.tmp","size":1,"mtime":"x"}]""")]
    public async Task A_malformed_list_of_unfinished_uploads_is_rejected(string body)
    {
        _answer = _ => ScriptedHttp.Http(Json, body);
        await AssertWrongAsync(async () => await _client.ListTemporaryAsync(default, Ct).ToListAsync(Ct));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("""{"limit":"1","usage":1}""")]
    [InlineData("""{"limit":1.5,"usage":1}""")]
    [InlineData("""{"limit":1e30,"usage":1}""")]
    [InlineData("""{"limit":-2,"usage":1}""")]
    [InlineData("""{"limit":1}""")]
    public async Task A_malformed_quota_is_rejected(string body)
    {
        _answer = _ => ScriptedHttp.Http(Json, body);
        await AssertWrongAsync(() => _client.GetQuotaAsync(Ct).AsTask());
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData(Page)]
    public async Task A_malformed_hash_is_rejected(string body)
    {
        _answer = _ => ScriptedHttp.Http(Text, body);
        await AssertWrongAsync(() => _client.HashAsync("data/a", HashKind.Sha256, Ct).AsTask());
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("other/AAAA")]
    [InlineData("keys/aa/{0}")]
    [InlineData("data/{0}")]
    [InlineData("data/bb/{0}")]
    [InlineData("data/aa/not-hex")]
    [InlineData("data/aa/{0}\nx")]
    public async Task Defrag_rejects_a_returned_name_that_does_not_match_the_request(string name)
    {
        _answer = _ => ScriptedHttp.Http(Text, string.Format(CultureInfo.InvariantCulture, name, Digest));
        var request = new DefragRequest([new("data/x", 0, 1)]) { Algorithm = HashKind.Sha256, Namespace = "data", Levels = 1 };
        await AssertWrongAsync(() => _client.DefragAsync(request, Ct).AsTask());
        await AssertWrongAsync(() => _client.DefragAsync(request with { Target = "data/zz" }, Ct).AsTask());
        _answer = _ => ScriptedHttp.Http(Text, "data/aa/" + Digest);
        Assert.Equal("data/aa/" + Digest, await _client.DefragAsync(request, Ct));
    }

    [Theory]
    [InlineData("200 OK\nX-BorgStore-Server: 2\nContent-Length: 5")]
    [InlineData("200 OK\nX-BorgStore-Server: 2\nContent-Length: 5\nX-BorgStore-Is-Directory: perhaps")]
    [InlineData("200 OK\nX-BorgStore-Server: 2\nContent-Length: -5\nX-BorgStore-Is-Directory: false")]
    [InlineData("200 OK\nX-BorgStore-Server: 2\nContent-Length: 99999999999999999999\nX-BorgStore-Is-Directory: false")]
    [InlineData("200 OK\nX-BorgStore-Server: 2\nTransfer-Encoding: chunked\nX-BorgStore-Is-Directory: false")]
    [InlineData("204 No Content\nX-BorgStore-Server: 2\nX-BorgStore-Is-Directory: false")]
    public async Task Malformed_item_metadata_is_rejected(string head)
    {
        _answer = _ => ScriptedHttp.Http(head);
        await AssertWrongAsync(() => _client.FindAsync("data/a", Ct).AsTask());
    }

    [Theory]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-1e400")]
    [InlineData("253402300800")]
    [InlineData("yesterday")]
    public async Task A_malformed_time_is_treated_as_unknown(string time)
    {
        _answer = _ => ScriptedHttp.Http($"200 OK\nX-BorgStore-Server: 2\nContent-Length: 5\nX-BorgStore-Is-Directory: false\nX-BorgStore-Atime: {time}\nX-BorgStore-Mtime: {time}");
        Assert.Equal(new ItemInfo("data/a", 5), await _client.FindAsync("data/a", Ct));
    }

    [Fact]
    public async Task A_range_other_than_the_requested_one_is_rejected()
    {
        foreach (var head in new[] { Part, Part + "\nTransfer-Encoding: chunked" })
        {
            var body = head.EndsWith("chunked", StringComparison.Ordinal) ? "6\r\nabcdef\r\n0\r\n\r\n" : "abcdef";
            _answer = _ => ScriptedHttp.Http(head, body);
            await AssertWrongAsync(() => LoadAsync(new(0, 5)));
            await AssertWrongAsync(() => LoadAsync(new(-5)));
        }
        _answer = _ => ScriptedHttp.Http(Octets, "abcdef");
        Assert.Equal(StoreError.NotSupported, (await Assert.ThrowsAsync<StoreException>(() => LoadAsync(new(0, 6)))).Error);
        _answer = _ => ScriptedHttp.Http(Part, "abcdef");
        await AssertWrongAsync(() => LoadAsync(ByteRange.Whole));
        Assert.Equal(6, (await LoadAsync(new(0, 10)))!.Length);
        foreach (var length in new[] { 4, 6 })
        {
            _answer = _ => ScriptedHttp.Http(Octets, new byte[length]);
            await AssertWrongAsync(async () => await (await _client.GatherAsync([new("data/a", 0, 2), new("data/b", 0, 3)], Ct)).ReadToEndAsync(Ct));
        }
    }

    [Theory]
    [InlineData("Content-Length: 100", StoreError.ConnectionLost)]
    [InlineData("Content-Length: 2000000", StoreError.ConnectionLost)]
    [InlineData("Content-Length: 9223372036854775807", StoreError.ConnectionLost)]
    [InlineData("Content-Encoding: gzip\nContent-Length: 4", StoreError.BackendFailure)]
    public async Task A_wrong_content_length_is_reported(string header, StoreError error)
    {
        _answer = _ => ScriptedHttp.Http($"{Octets}\n{header}", "zzzz");
        var failure = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await using var value = await _client.LoadAsync("data/a", ByteRange.Whole, Ct);
            var buffer = new byte[1 << 16];
            while (await value!.ReadAsync(buffer, Ct) > 0) { }
        });
        Assert.Equal(error, failure.Error);
    }

    [Theory]
    [InlineData("Repr-Digest: sha-256=:not base64:")]
    [InlineData("Repr-Digest: sha-256=:AAAA:")]
    [InlineData("Repr-Digest: sha-256=:")]
    public async Task A_malformed_digest_is_rejected(string header)
    {
        _answer = _ => ScriptedHttp.Http($"{Octets}\n{header}", "value");
        await AssertWrongAsync(() => LoadAsync(ByteRange.Whole));
        _answer = _ => ScriptedHttp.Http($"200 OK\nX-BorgStore-Server: 2\n{header}");
        await AssertWrongAsync(() => _client.StoreAsync("data/a", "v"u8.ToArray(), StoreMode.Overwrite, Ct).AsTask());
    }

    [Theory]
    [InlineData("500 Oh\nX-BorgStore-Error: 99")]
    [InlineData("500 Oh\nX-BorgStore-Error: 1,2")]
    [InlineData("500 Oh\nX-BorgStore-Error: -1")]
    [InlineData("500 Oh\nX-BorgStore-Error: ObjectNotFound, Timeout")]
    [InlineData("500 Oh\nX-BorgStore-Error: BackendFailure\nX-BorgStore-Detail: %zz%\x01%0a%1b[31m\nX-BorgStore-Name: %00%")]
    [InlineData("500 Oh\nContent-Type: text/plain; charset=no-such-charset")]
    [InlineData("500 Oh\nContent-Type: ;;;===")]
    [InlineData("301 Moved\nLocation: http://me:secret@elsewhere/x")]
    [InlineData("307 Moved\nLocation: ::::")]
    [InlineData("299 Odd")]
    [InlineData("100 Continue")]
    [InlineData("999 Odd")]
    public async Task An_unknown_error_code_is_a_BackendFailure_with_a_single_line_message(string head)
    {
        _answer = _ => ScriptedHttp.Http(head + "\nX-BorgStore-Server: 2", "two\nlines\e[31m\0");
        foreach (var act in Operations())
        {
            var error = await Assert.ThrowsAsync<StoreException>(act);
            Assert.Equal(StoreError.BackendFailure, error.Error);
            Assert.DoesNotContain(error.Message + error.Name, char.IsControl);
            Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 abc\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno header at all\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/octet-stream\r\nX-BorgStore-Server: 2\r\n\r\nzzzz\r\n")]
    public async Task A_response_that_is_not_HTTP_is_reported_immediately(string bytes)
    {
        _answer = _ => System.Text.Encoding.Latin1.GetBytes(bytes);
        await AssertWrongAsync(() => LoadAsync(ByteRange.Whole));
    }

    [Fact]
    public async Task An_endless_response_is_cut_off_at_its_limit()
    {
        foreach (var (head, start) in new[] { (Octets, ""), (Json, ""), (Json, "[{\"name\":\""), (Json, "{\"items\":[{\"name\":\""), (Text, ""), ("500 Oh\nX-BorgStore-Server: 2", ""), ("200 OK\nX-BorgStore-Server: 2", "") })
        {
            _answer = _ => ScriptedHttp.Http(head + "\nTransfer-Encoding: chunked", start.Length == 0 ? "" : $"{start.Length:x}\r\n{start}\r\n");
            _server.Endless = [.. "10000\r\n"u8, .. Enumerable.Repeat((byte)'a', 1 << 16), .. "\r\n"u8];
            foreach (var act in Operations()) await Assert.ThrowsAsync<StoreException>(act);
            _server.Endless = null;
        }
        Assert.InRange(_server.MostEndless, 1, 32 << 20);
    }

    [Theory]
    [InlineData("200 OK\nContent-Type: text/html", Page)]
    [InlineData("200 OK\nContent-Type: application/json", "{\"status\":\"ok\"}")]
    [InlineData("200 OK\nContent-Type: application/json", "[]")]
    [InlineData("200 OK", "")]
    [InlineData("404 Not Found\nContent-Type: text/html", Page)]
    [InlineData("403 Forbidden\nContent-Type: text/html", Page)]
    [InlineData("403 Forbidden\nContent-Type: text/html", "<p>Message: Forbidden.</p>")]
    [InlineData("302 Found\nLocation: http://login.example/", "")]
    [InlineData("405 Not Allowed", "")]
    public async Task A_server_that_is_not_a_BorgStore_server_is_rejected(string head, string body)
    {
        await using var server = new ScriptedHttp(request => ScriptedHttp.Http(head, request.Method == "HEAD" ? "" : body));
        foreach (var act in new Func<RestBackend, Task>[] { client => client.OpenAsync(Ct), client => client.CreateAsync(Ct), client => client.DestroyAsync(Ct) })
        {
            await using var client = Client(server.Url);
            var error = await Assert.ThrowsAsync<StoreException>(() => act(client));
            if (head[0] is '2' || head.StartsWith("404", StringComparison.Ordinal)) Assert.Equal(StoreError.StoreDoesNotExist, error.Error);
            if (head[0] is not ('3' or '4') || head.Contains("404", StringComparison.Ordinal) || head.Contains("403", StringComparison.Ordinal))
                Assert.Contains("BorgStore REST server", error.Message, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(server.Requests, request => request.Method is "POST" or "DELETE");
    }

    [Theory]
    [InlineData("200 OK\nContent-Type: text/html", Page)]
    [InlineData("200 OK\nContent-Type: application/octet-stream", Page)]
    [InlineData("200 OK", "")]
    [InlineData("404 Not Found\nContent-Type: text/html", Page)]
    public async Task Every_operation_rejects_a_web_page_as_its_response(string head, string body)
    {
        _answer = _ => ScriptedHttp.Http(head, body);
        foreach (var act in Operations()) await AssertWrongAsync(act);
        if (head.StartsWith("404", StringComparison.Ordinal)) return;

        // Python's server sends no mark, so only the form of each response identifies it.
        var isPage = false;
        await using var server = new ScriptedHttp(request => isPage ? ScriptedHttp.Http(head, request.Method == "HEAD" ? "" : body) : Root(ours: false));
        await using var client = Client(server.Url);
        await client.OpenAsync(Ct);
        isPage = true;
        if (body.Length > 0)
            foreach (var act in Operations(client).Skip(head.Contains("octet", StringComparison.Ordinal) ? 1 : 0)) await Assert.ThrowsAsync<StoreException>(act);
    }

    [Fact]
    public async Task Open_succeeds_when_a_store_server_denies_access_to_the_root()
    {
        const string Python = "<html><body><p>Error code: 403</p>\n<p>Message: One of permissions 'l' required for ''.</p></body></html>";
        foreach (var (head, body) in new[] { ("403 Forbidden\nContent-Type: text/html;charset=utf-8", Python), ("403 Forbidden\nX-BorgStore-Server: 2\nX-BorgStore-Error: PermissionDenied", "no") })
        {
            await using var server = new ScriptedHttp(request => ScriptedHttp.Http(head, request.Method == "HEAD" ? "" : body));
            await using var client = Client(server.Url);
            await client.OpenAsync(Ct);
        }
    }

    private static RestBackend Client(string url)
    {
        var client = new RestBackend(url);
        (client.Client.Retry, client.Client.MixUpRetry) = (RetrySchedule.Never, RetrySchedule.Never);
        return client;
    }

    private static byte[] Root(bool ours = true) => ScriptedHttp.Http("200 OK\nContent-Length: 4096\nX-BorgStore-Is-Directory: true\nX-BorgStore-Mtime: 1.5"
        + (ours ? "\nX-BorgStore-Server: 2" : ""));

    private static async Task AssertWrongAsync(Func<Task> act)
    {
        var error = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains("sent an invalid response", error.Message, StringComparison.Ordinal);
    }

    private async Task<byte[]?> LoadAsync(ByteRange range)
    {
        await using var value = await _client.LoadAsync("data/a", range, Ct);
        return value is null ? null : await value.ReadToEndAsync(Ct);
    }

    private IEnumerable<Func<Task>> Operations() => Operations(_client);

    private static IEnumerable<Func<Task>> Operations(RestBackend client) =>
    [
        async () =>
        {
            await using var value = await client.LoadAsync("data/a", ByteRange.Whole, Ct);
            if (value is not null) await value.ReadToEndAsync(Ct);
        },
        () => client.FindAsync("data/a", Ct).AsTask(),
        () => client.StoreAsync("data/a", "v"u8.ToArray(), StoreMode.Overwrite, Ct).AsTask(),
        () => client.DeleteAsync("data/a", Ct).AsTask(),
        () => client.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask(),
        () => client.MakeDirectoryAsync("data", Ct).AsTask(),
        () => client.RemoveDirectoryAsync("data", Ct).AsTask(),
        () => client.HashAsync("data/a", HashKind.Sha256, Ct).AsTask(),
        () => client.GetQuotaAsync(Ct).AsTask(),
        () => client.DefragAsync(new([new("data/x", 0, 1)]) { Target = "data/b" }, Ct).AsTask(),
        async () => await client.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct),
        async () => await client.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct),
    ];
}
