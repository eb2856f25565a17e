using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Hashing;

namespace BorgStore.Tests.Answers;

/// <summary>Wrong answers from rclone: a program that gives the address of a scripted server.</summary>
public sealed class RcloneAnswerTests : IAsyncLifetime
{
    internal const string Version = """{"decomposed":[1,60,1],"version":"v1.60.1"}""";
    internal const string Info = """{"Name":"remote","Root":"path","String":"remote","Features":{"ListR":true,"BucketBased":false,"Move":true},"Hashes":["sha256"]}""";

    internal const string RootList = """{"list":[{"Path":"data","Size":-1,"IsDir":true}]}""";

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _answers = new()
    {
        ["/core/version"] = Version,
        ["/operations/fsinfo"] = Info,
        ["/operations/list"] = RootList,
    };
    private readonly ScriptedHttp _server;
    private readonly RcloneServerManager _service;
    private readonly RcloneBackend _store;
    private string _valueHead = "200 OK";

    public RcloneAnswerTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a shell script.");
        _server = new(request => request.Method == "GET" ? ScriptedHttp.Http(_valueHead, "0123456789")
            : ScriptedHttp.Http("200 OK", _answers.GetValueOrDefault(request.Path, "{}")));
        _service = new(Script(_folder, _server.Url));
        _store = new("rclone:remote:path", _service) { Retry = new(3, TimeSpan.Zero) };
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _server.Endless = null;
        await _store.DisposeAsync();
        await _service.StopAsync();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("zz\r\n")]
    [InlineData("5\r\n{\"lis\r\nzz\r\n")]
    public async Task Malformed_chunks_are_rejected(string body)
    {
        await _store.OpenAsync(Ct);
        _server.Answer = _ => ScriptedHttp.Http("200 OK\nTransfer-Encoding: chunked", body);
        foreach (var scope in new[] { ListScope.OneLevel, ListScope.Tree })
            await Assert.ThrowsAsync<StoreException>(async () => await _store.ListAsync("data", scope, Ct).ToListAsync(Ct));
        await Assert.ThrowsAsync<StoreException>(() => _store.FindAsync("data/a", Ct).AsTask());
    }

    [Theory]
    [InlineData("/core/version", "nothing")]
    [InlineData("/core/version", "[]")]
    [InlineData("/core/version", """{"decomposed":[1.5,60]}""")]
    [InlineData("/core/version", """{"decomposed":["1","60"]}""")]
    [InlineData("/core/version", """{"decomposed":[-1,60]}""")]
    [InlineData("/core/version", """{"decomposed":[99999999999,60]}""")]
    [InlineData("/operations/fsinfo", "")]
    [InlineData("/operations/fsinfo", "{}")]
    [InlineData("/operations/fsinfo", "[]")]
    [InlineData("/operations/fsinfo", """{"Name":1,"Root":"","String":"","Features":{},"Hashes":[]}""")]
    [InlineData("/operations/fsinfo", """{"Name":"a","Root":"","String":"","Features":[],"Hashes":[]}""")]
    [InlineData("/operations/fsinfo", """{"Name":"a","Root":"","String":"","Features":{},"Hashes":[1]}""")]
    [InlineData("/operations/list", "")]
    [InlineData("/operations/list", "<html>")]
    [InlineData("/operations/list", "{}")]
    [InlineData("/operations/list", "[]")]
    [InlineData("/operations/list", """{"list":[{"Path":"a","Size":1.5}]}""")]
    [InlineData("/operations/list", """{"list":[{"Path":"a","Size":99999999999999999999}]}""")]
    [InlineData("/operations/list", """{"list":[{"Path":"\ud800","Size":1}]}""")]
    [InlineData("/operations/list", """{"list":[{"Size":1}]}""")]
    [InlineData("/operations/list", """{"list":[{"Path":"a/b","Size":1}]}""")]
    [InlineData("/operations/list", """{"list":[{"Path":"a","Size":1}""")]
    public async Task A_malformed_response_fails_Open(string command, string body)
    {
        _answers[command] = body;
        var error = await Assert.ThrowsAsync<StoreException>(() => _store.OpenAsync(Ct));
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains("sent an invalid response", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("""{"item":[]}""")]
    [InlineData("""{"item":"a"}""")]
    [InlineData("""{"item":{}}""")]
    [InlineData("""{"item":{"Size":"1"}}""")]
    [InlineData("""{"item":{"Size":1.5}}""")]
    [InlineData("""{"item":{"Size":1,"ModTime":5}}""")]
    public async Task Malformed_item_metadata_is_rejected(string body)
    {
        await _store.OpenAsync(Ct);
        _answers["/operations/stat"] = body;
        await AssertWrongAsync(() => _store.FindAsync("data/a", Ct).AsTask());
        await AssertWrongAsync(() => _store.LoadAsync("data/a", new(-5), Ct).AsTask());
    }

    [Theory]
    [InlineData("\"not a digest\"")]
    [InlineData("\"d41d8cd98f00b204e9800998ecf8427e\"")]
    [InlineData("5")]
    public async Task A_malformed_hash_is_rejected(string hash)
    {
        await _store.OpenAsync(Ct);
        _answers["/operations/stat"] = """{"item":{"Size":1,"Hashes":{"sha256":HASH}}}""".Replace("HASH", hash, StringComparison.Ordinal);
        await AssertWrongAsync(() => _store.HashAsync("data/a", HashKind.Sha256, Ct).AsTask());
    }

    [Theory]
    [InlineData("200 OK", 2, 5)]
    [InlineData("200 OK", 0, 5)]
    [InlineData("206 Partial Content\nContent-Range: bytes 0-9/100", 2, 10)]
    [InlineData("206 Partial Content\nContent-Range: bytes 2-11/100", 2, 5)]
    [InlineData("206 Partial Content\nContent-Range: bytes 2-11/100", 2, 20)]
    [InlineData("200 OK\nTransfer-Encoding: chunked", 0, null)]
    [InlineData("206 Partial Content\nContent-Range: bytes x", 2, 5)]
    public async Task A_range_other_than_the_requested_one_is_rejected(string head, long offset, int? length)
    {
        await _store.OpenAsync(Ct);
        _valueHead = head;
        await AssertWrongAsync(() => _store.LoadAsync("data/a", new(offset, length), Ct).AsTask());
    }

    [Fact]
    public async Task A_listing_of_another_directory_is_rejected_and_invalid_entries_are_skipped()
    {
        await _store.OpenAsync(Ct);
        _answers["/operations/list"] = """{"list":[{"Path":"other/a","Size":1}]}""";
        await AssertWrongAsync(async () => await _store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct));
        _answers["/operations/list"] = """{"list":[{"Path":"data/..","Size":1},{"Path":"data/ok","Size":-1,"ModTime":"0000-99-99"},{"Path":"data/.hid","Size":1}]}""";
        Assert.Equal([new("ok", 0)], await _store.ListAsync("data", ListScope.OneLevel, Ct).ToListAsync(Ct));
    }

    [Fact]
    public async Task An_endless_response_is_cut_off_at_its_limit()
    {
        await _store.OpenAsync(Ct);
        foreach (var start in new[] { "", "{\"item\":{\"Size\":1,\"x\":\"", "{\"list\":[{\"Path\":\"" })
        {
            _server.Answer = _ => ScriptedHttp.Http("200 OK\nTransfer-Encoding: chunked", start.Length == 0 ? "" : $"{start.Length:x}\r\n{start}\r\n");
            _server.Endless = [.. "10000\r\n"u8, .. Enumerable.Repeat((byte)'a', 1 << 16), .. "\r\n"u8];
            await Assert.ThrowsAsync<StoreException>(() => _store.FindAsync("data/a", Ct).AsTask());
            await Assert.ThrowsAsync<StoreException>(() => _store.DeleteAsync("data/a", Ct).AsTask());
            await Assert.ThrowsAsync<StoreException>(async () => await _store.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct));
            _server.Endless = null;
        }
        Assert.InRange(_server.MostEndless, 1, 32 << 20);
    }

    [Fact]
    public async Task An_invalid_address_fails_Open_with_NotSupported()
    {
        await using var store = new RcloneBackend("rclone:remote:path", new RcloneServerManager(Script(_folder, "http://127.0.0.1:99999")));
        Assert.Equal(StoreError.NotSupported, (await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Ct))).Error);
    }

    internal static string Script(TemporaryFolder folder, string url)
    {
        var path = folder.Combine($"rclone-{Guid.NewGuid():n}");
        TestScript.Write(path, $"#!/bin/sh\necho 'NOTICE: Serving remote control on {url}/' >&2\nread -r line\n");
        return path;
    }

    private static async Task AssertWrongAsync(Func<Task> act)
    {
        var error = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(StoreError.BackendFailure, error.Error);
        Assert.Contains("sent an invalid response", error.Message, StringComparison.Ordinal);
    }
}
