using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;

namespace BorgStore.Tests.Answers;

/// <summary>Wrong answers from an S3 server, and servers that are not one.</summary>
public sealed class S3AnswerTests : IAsyncLifetime
{
    internal const string List = """
        <?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>path/</Prefix><KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>path/data/a</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag><Size>6</Size></Contents></ListBucketResult>
        """;

    private readonly ScriptedHttp _server;
    private readonly S3Backend _store;
    private Func<ScriptedRequest, byte[]?>? _answer;

    public S3AnswerTests()
    {
        _server = new(request => _answer?.Invoke(request) ?? ScriptedHttp.Http("200 OK\nContent-Type: application/xml", List));
        _store = Open(_server.Url);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _store.OpenAsync(Ct);

    public async ValueTask DisposeAsync()
    {
        _server.Endless = null;
        await _store.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("<Size>6</Size>", "<Size>six</Size>")]
    [InlineData("<Size>6</Size>", "<Size>-6</Size>")]
    [InlineData("<Size>6</Size>", "<Size>99999999999999999999</Size>")]
    [InlineData("<Size>6</Size>", "")]
    [InlineData("<Key>path/data/a</Key>", "")]
    [InlineData("<Key>path/data/a</Key>", "<Key>pa</Key>")]
    [InlineData("<Key>path/data/a</Key>", "<Key>other/data/abc</Key>")]
    [InlineData("2026-01-01T00:00:00.000Z", "yesterday")]
    [InlineData("2026-01-01T00:00:00.000Z", "99999-01-01T00:00:00.000Z")]
    [InlineData("<IsTruncated>false", "<IsTruncated>perhaps")]
    [InlineData("<IsTruncated>false", "<IsTruncated>true")]
    [InlineData("<IsTruncated>false", "<NextContinuationToken>x</NextContinuationToken><IsTruncated>true")]
    [InlineData("<Name>bucket</Name>", "")]
    [InlineData("</ListBucketResult>", "<CommonPrefixes></CommonPrefixes></ListBucketResult>")]
    [InlineData("</ListBucketResult>", "<CommonPrefixes><Prefix>x</Prefix></CommonPrefixes></ListBucketResult>")]
    [InlineData("</ListBucketResult>", "<CommonPrefixes><Prefix>path/data/</Prefix></CommonPrefixes></ListBucketResult>")]
    public async Task A_malformed_listing_is_rejected(string part, string instead)
    {
        _answer = _ => ScriptedHttp.Http("200 OK\nContent-Type: application/xml", List.Replace(part, instead, StringComparison.Ordinal));
        foreach (var scope in new[] { ListScope.Tree, ListScope.OneLevel })
            await AssertWrongAsync(async () => await _store.ListAsync("data", scope, Ct).ToListAsync(Ct));
        await AssertWrongAsync(async () => await _store.ListRawTreeAsync("data", "", Ct)!.ToListAsync(Ct));
    }

    [Fact]
    public async Task A_raw_listing_of_a_tree_in_another_order_is_rejected()
    {
        // A verification that continued after a name could miss others.
        AnswerWithKeys("a-b/x", "a/x", "a0");
        Assert.Equal(["a-b/x", "a/x", "a0"], await ListRawTreeAsync(after: ""));
        AnswerWithKeys("a/x", "a-b/x", "a0");
        await AssertWrongAsync(() => ListRawTreeAsync(after: ""));
        // A name that is not ASCII may not even be valid UTF-8.
        AnswerWithKeys("b/%80", "b/%C3%A9", "c");
        Assert.Equal(["b/\uFFFD", "b/é", "c"], await ListRawTreeAsync(after: ""));
    }

    [Fact]
    public async Task A_server_that_ignores_where_a_listing_should_start_only_costs_time()
    {
        AnswerWithKeys("a-b/x", "a/x", "a/y", "a0");
        Assert.Equal(["a/y", "a0"], await ListRawTreeAsync(after: "a/x"));
        Assert.Equal(["a/x", "a/y", "a0"], await ListRawTreeAsync(after: "a/"));
        Assert.Empty(await ListRawTreeAsync(after: "b"));
        AnswerWithKeys("a", "%EE%80%80", "%F0%90%80%80", "%F0%90%80%81");
        Assert.Equal(["\uE000", "\U00010000", "\U00010001"], await ListRawTreeAsync(after: "a"));
        Assert.Equal(["\U00010001"], await ListRawTreeAsync(after: "\U00010000"));
    }

    private void AnswerWithKeys(params string[] keys)
        => _answer = _ => ScriptedHttp.Http("200 OK\nContent-Type: application/xml", List.Replace("</ListBucketResult>", "", StringComparison.Ordinal).Split("<Contents>") is [var head, var item]
            ? head + string.Concat(keys.Select(key => "<Contents>" + item.Replace("path/data/a", "path/data/" + key, StringComparison.Ordinal))) + "</ListBucketResult>" : "");

    private async Task<List<string>> ListRawTreeAsync(string after)
        => await _store.ListRawTreeAsync("data", after, Ct)!.Select(item => item.Name).ToListAsync(Ct);

    [Fact]
    public async Task A_one_level_listing_with_deeper_keys_is_rejected()
    {
        _answer = _ => ScriptedHttp.Http("200 OK\nContent-Type: application/xml", List.Replace("path/data/a", "path/data/ab/c", StringComparison.Ordinal));
        await AssertWrongAsync(async () => await _store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct));
        Assert.Equal("ab/c", Assert.Single(await _store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct)).Name);
    }

    [Theory]
    [InlineData("<html><body>Welcome</body></html>")]
    [InlineData("")]
    public async Task A_web_page_is_not_accepted_as_a_bucket(string page)
    {
        _answer = _ => ScriptedHttp.Http("200 OK\nContent-Type: text/html", page);
        foreach (var act in new Func<IBackend, Task>[] { store => store.OpenAsync(Ct), store => store.CreateAsync(Ct), store => store.DestroyAsync(Ct) })
        {
            await using var store = Open(_server.Url);
            await Assert.ThrowsAsync<StoreException>(() => act(store));
        }
        foreach (var act in new Func<Task>[]
        {
            () => _store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct).AsTask(),
            () => _store.StoreAsync("data/a", new byte[20_000_000], StoreMode.Overwrite, Ct).AsTask(),
            () => _store.FindAsync("data/a", Ct).AsTask(),
            () => _store.DeleteAsync("data/a", Ct).AsTask(),
            () => _store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask(),
        })
            await AssertWrongAsync(act);
    }

    [Theory]
    [InlineData("200 OK\nETag: \"e\"", 2, 3)]
    [InlineData("200 OK\nETag: \"e\"", 0, 3)]
    [InlineData("200 OK\nETag: \"e\"", -3, null)]
    [InlineData("206 Partial Content\nETag: \"e\"\nContent-Range: bytes 0-5/6", 2, 6)]
    [InlineData("206 Partial Content\nETag: \"e\"\nContent-Range: bytes 2-7/100", 2, 3)]
    [InlineData("206 Partial Content\nETag: \"e\"\nContent-Range: bytes 2-4/100", 2, 3)]
    [InlineData("206 Partial Content\nETag: \"e\"\nContent-Range: bytes x-y/z", 2, 6)]
    [InlineData("206 Partial Content\nETag: \"e\"\nContent-Range: -", 2, 6)]
    [InlineData("206 Partial Content\nETag: \"e\"\nContent-Range: bytes 99999999999999999999-1/2", 2, 6)]
    [InlineData("200 OK\nETag: \"e\"\nTransfer-Encoding: chunked", 0, null)]
    public async Task A_range_other_than_the_requested_one_is_rejected(string head, long offset, int? length)
    {
        var chunked = head.EndsWith("chunked", StringComparison.Ordinal);
        _answer = _ => ScriptedHttp.Http(head, chunked ? "6\r\n012345\r\n0\r\n\r\n" : "012345");
        foreach (var option in new[] { "", "?checksum=crc32" })
        {
            await using var store = Open(_server.Url, option);
            var answer = _answer;
            _answer = null;
            await store.OpenAsync(Ct);
            _answer = answer;
            await AssertWrongAsync(async () =>
            {
                await using var value = await store.LoadAsync("data/a", new(offset, length), Ct);
                await value!.ReadToEndAsync(Ct);
            });
        }
    }

    // The first response is cut, and the second one has the rest of another value.
    [Fact]
    public async Task The_rest_of_another_value_is_rejected_even_if_the_server_ignores_the_condition()
    {
        await using var store = new S3Backend(S3Url.Parse($"s3:key:secret@{_server.Url}/bucket/path"), null);
        await store.OpenAsync(Ct);
        var requests = 0;
        var half = new string('a', 100_000);
        _answer = _ => requests++ == 0 ? ScriptedHttp.Http("200 OK\nContent-Length: 200000\nETag: \"e\"", half)
            : ScriptedHttp.Http("206 Partial Content\nETag: \"f\"\nContent-Range: bytes 100000-199999/200000", half);
        await using var value = await store.LoadAsync("data/a", default, Ct);
        var error = await Assert.ThrowsAsync<StoreException>(() => value!.ReadToEndAsync(Ct).AsTask());
        Assert.Contains("changed it", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, requests);

        // Without an ETag the condition could not even be requested.
        _answer = _ => ScriptedHttp.Http("200 OK\nContent-Length: 200000", half);
        await AssertWrongAsync(() => store.LoadAsync("data/a", default, Ct).AsTask());
    }

    [Theory]
    [InlineData("200 OK\nContent-Length: 5")]
    [InlineData("200 OK\nContent-Length: 5\nETag: \"e\"\nLast-Modified: yesterday")]
    [InlineData("200 OK\nContent-Length: 5\nETag: \"e\"\nx-amz-mp-parts-count: many")]
    public async Task Malformed_item_metadata_is_rejected(string head)
    {
        _answer = _ => ScriptedHttp.Http(head);
        await AssertWrongAsync(() => _store.FindAsync("data/a", Ct).AsTask());
    }

    [Fact]
    public async Task A_batch_error_for_an_unknown_key_is_rejected_and_one_without_a_code_is_reported()
    {
        _answer = request => request.Method == "POST" ? ScriptedHttp.Http("200 OK", "<DeleteResult><Error><Key>x</Key><Code>AccessDenied</Code></Error></DeleteResult>") : null;
        await AssertWrongAsync(() => _store.DeleteManyAsync(["data/a"], Ct).AsTask());
        _answer = request => request.Method == "POST" ? ScriptedHttp.Http("200 OK", "<DeleteResult><Error><Key>path/data/a</Key></Error></DeleteResult>") : null;
        Assert.Equal(StoreError.BackendFailure, Assert.Single(await _store.DeleteManyAsync(["data/a"], Ct)).Reason.Error);
    }

    [Theory]
    [InlineData("<Upload><Key>x</Key><UploadId>u</UploadId></Upload>")]
    [InlineData("<Upload><UploadId>u</UploadId></Upload>")]
    [InlineData("<Upload><Key>path/a</Key></Upload>")]
    [InlineData("<Upload><Key>path/a</Key><UploadId>u</UploadId><Initiated>never</Initiated></Upload>")]
    [InlineData("<IsTruncated>true</IsTruncated>")]
    public async Task Malformed_uploads_are_rejected(string part)
    {
        _answer = _ => ScriptedHttp.Http("200 OK", $"<ListMultipartUploadsResult>{part}</ListMultipartUploadsResult>");
        await AssertWrongAsync(async () => await _store.ListTemporaryAsync(default, Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task An_endless_response_is_cut_off_at_its_limit()
    {
        foreach (var start in new[] { "<ListBucketResult><Name>bucket</Name><Contents><Key>", "<Error><Code>" })
        {
            _answer = request => ScriptedHttp.Http($"{(start[1] == 'E' ? "403 Forbidden" : "200 OK")}\nETag: \"e\"\nTransfer-Encoding: chunked", $"{start.Length:x}\r\n{start}\r\n");
            _server.Endless = [.. "10000\r\n"u8, .. Enumerable.Repeat((byte)'a', 1 << 16), .. "\r\n"u8];
            await Assert.ThrowsAsync<StoreException>(async () => await _store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct));
            await Assert.ThrowsAsync<StoreException>(() => _store.DeleteManyAsync(["data/a"], Ct).AsTask());
            await Assert.ThrowsAsync<StoreException>(() => _store.HashAsync("data/a", HashKind.Sha256, Ct).AsTask());
            _server.Endless = null;
        }
        Assert.InRange(_server.MostEndless, 1, 32 << 20);
    }

    internal static S3Backend Open(string url, string options = "") => new(S3Url.Parse($"s3:key:secret@{url}/bucket/path{options}"), null) { Retry = RetrySchedule.Never };

    private static async Task AssertWrongAsync(Func<Task> act)
    {
        var error = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(StoreError.BackendFailure, error.Error);
    }
}
