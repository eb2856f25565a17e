using System.Text;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;
using BorgStore.Naming;

namespace BorgStore.Tests.Answers;

/// <summary>Fuzzes clients with almost valid responses, and with noise: they only ever throw <see cref="StoreException"/>, and memory
/// stays flat. BORGSTORE_TEST_LONG=1 tries a million of each.</summary>
public sealed class AnswerFuzzTests
{
    private const string Mark = "X-BorgStore-Server: 2";

    private static readonly int Count = LongTests.Choose(2000, 1_000_000);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public Task Mutated_REST_responses_only_cause_store_exceptions() => FuzzAsync((random, request, bytes) => Mutate(random, request, RestResponse(request), bytes), async (server, _) =>
    {
        var client = new RestBackend(server.Url);
        (client.Client.Retry, client.Client.MixUpRetry, client.Client.StallTimeout) = (RetrySchedule.Never, RetrySchedule.Never, TimeSpan.FromSeconds(20));
        await client.OpenAsync(Ct);
        return client;
    });

    [Fact]
    public Task Mutated_S3_responses_only_cause_store_exceptions() => FuzzAsync((random, request, bytes) => Mutate(random, request, S3Answer(request), bytes), async (server, _) =>
    {
        var store = S3AnswerTests.Open(server.Url);
        await store.OpenAsync(Ct);
        return store;
    });

    [Fact]
    public Task Mutated_rclone_responses_only_cause_store_exceptions()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a shell script.");
        return FuzzAsync((random, request, bytes) => request.Path is "/core/version" or "/operations/fsinfo" ? RcloneResponse(request)
            : request.Path == "/operations/list" && bytes.Length > 0 ? ScriptedHttp.Http("200 OK", RcloneAnswerTests.RootList) : Mutate(random, request, RcloneResponse(request), bytes),
            async (server, folder) =>
            {
                var store = new RcloneBackend("rclone:remote:path", new RcloneServerManager(RcloneAnswerTests.Script(folder, server.Url)) { ExitDelay = default }) { Retry = new(3, TimeSpan.Zero) };
                await store.OpenAsync(Ct);
                return store;
            });
    }

    // Each worker has a server and a client of its own, so that a seed is reproducible.
    private static async Task FuzzAsync(Func<Random, ScriptedRequest, byte[], byte[]> mutate, Func<ScriptedHttp, TemporaryFolder, Task<IBackend>> open)
    {
        var before = HeldMemory.Measure();
        var (next, peak) = (0, 0L);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            using var folder = new TemporaryFolder();
            var seed = -1;
            await using var server = new ScriptedHttp(request => mutate(new Random(seed), request, [])) { IdleTimeout = TimeSpan.FromSeconds(2) };
            var unharmed = server.Answer;
            server.Answer = request => mutate(Random.Shared, request, [1]);
            var store = await open(server, folder);
            try
            {
                server.Answer = unharmed;
                while ((seed = Interlocked.Increment(ref next)) <= Count)
                {
                    try
                    {
                        await Operate(store, seed).WaitAsync(TimeSpan.FromMinutes(1), Ct);
                    }
                    catch (StoreException e)
                    {
                        Assert.NotEmpty(e.Message);
                    }
                    catch (Exception e) when (e is not OperationCanceledException)
                    {
                        Assert.Fail($"Seed {seed}: {e}");
                    }
                    server.Requests.Clear();
                    if (seed % 10_000 == 0) Volatile.Write(ref peak, Math.Max(Volatile.Read(ref peak), HeldMemory.Measure()));
                }
            }
            finally
            {
                server.Answer = request => mutate(Random.Shared, request, [1]);
                try
                {
                    await store.DisposeAsync();
                }
                catch (StoreException)
                {
                    // The flush for the last change may fail.
                }
            }
        }, Ct)));
        Assert.InRange(peak - before, long.MinValue, 100 << 20);
        HeldMemory.AssertReleased(before, 100 << 20);
    }

    private static async Task Operate(IBackend store, int seed)
    {
        switch (seed % 12)
        {
            case 0:
                await store.FindAsync("data/a", Ct);
                break;
            case 1:
                await ReadAsync(await store.LoadAsync("data/a", ByteRange.Whole, Ct));
                break;
            case 2:
                await ReadAsync(await store.LoadAsync("data/a", new(0, 6), Ct));
                break;
            case 3:
                await foreach (var item in store.ListAsync("data", ListScope.OneLevel, Ct))
                {
                    Assert.True(ItemName.IsListable(item.Name), item.Name);
                    Assert.True(item.Size >= 0);
                }
                break;
            case 4:
                await foreach (var item in store.ListAsync("data", ListScope.Tree, Ct))
                    Assert.All(item.Name.Split('/'), element => Assert.True(ItemName.IsListable(element), item.Name));
                break;
            case 5:
                await store.DeleteAsync("data/a", Ct);
                break;
            case 6:
                if (await store.HashAsync("data/a", HashKind.Sha256, Ct) is { } hash) Assert.Matches("^[0-9a-f]{64}$", hash);
                break;
            case 7:
                await store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct);
                break;
            case 8:
                await store.GetQuotaAsync(Ct);
                break;
            case 9:
                await foreach (var item in store.ListTemporaryAsync(TimeSpan.FromSeconds(-1), Ct)) Assert.True(item.Size >= 0);
                break;
            case 10:
                await ReadAsync(await store.GatherAsync([new("data/a", 0, 6)], Ct));
                break;
            default:
                await store.DeleteManyAsync(["data/a"], Ct);
                break;
        }
    }

    private static async Task ReadAsync(ValueStream? value)
    {
        if (value is null) return;
        await using (value)
            if (value.Length < 1 << 20) await value.ReadToEndAsync(Ct);
    }

    // A non-empty `unharmed` asks for the unchanged answer.
    private static byte[] Mutate(Random random, ScriptedRequest request, byte[] answer, byte[] unharmed)
    {
        if (unharmed.Length > 0) return answer;
        if (random.Next(20) == 0) return Mutation.Noise(random, 300);
        // Changes either only the body, with a correct length, or everything.
        if (random.Next(2) == 0) return Mutation.Of(answer, random);
        var end = answer.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
        if (request.Method == "HEAD" || end == answer.Length) return Mutation.Of(answer, random);
        var head = Encoding.Latin1.GetString(answer.AsSpan(0, end)).Split("\r\n").Where(line => line.Length > 0 && !line.StartsWith("Content-Length", StringComparison.Ordinal));
        return ScriptedHttp.Http(string.Join('\n', head)["HTTP/1.1 ".Length..], Mutation.Of(answer[end..], random));
    }

    private static byte[] RestResponse(ScriptedRequest request)
    {
        const string Json = $"200 OK\nContent-Type: application/json\n{Mark}";
        if (request.Method == "HEAD" && request.Target == "/") return ScriptedHttp.Http($"200 OK\nContent-Length: 4096\nX-BorgStore-Is-Directory: true\n{Mark}");
        if (request.Method == "HEAD") return ScriptedHttp.Http($"200 OK\nContent-Length: 6\nX-BorgStore-Is-Directory: false\nX-BorgStore-Atime: 1795342729.4\nX-BorgStore-Mtime: 1795342729.4\n{Mark}");
        if (request.Target.Contains("cmd=tree", StringComparison.Ordinal)) return ScriptedHttp.Http(Json, """{"items":[{"name":"aa/b","size":1,"atime":1.5,"mtime":2.5},{"name":"c","size":2,"atime":0,"mtime":0}]}""");
        if (request.Target.Contains("cmd=temporaries", StringComparison.Ordinal)) return ScriptedHttp.Http(Json, """[{"id":"data/x.tmp","size":1,"mtime":1795342729.1234567}]""");
        if (request.Target.Contains("cmd=quota", StringComparison.Ordinal)) return ScriptedHttp.Http(Json, """{"limit": 1000, "usage": 12}""");
        if (request.Target.Contains("cmd=hash", StringComparison.Ordinal)) return ScriptedHttp.Http($"200 OK\nContent-Type: text/plain\n{Mark}", new string('a', 64));
        if (request.Target.EndsWith('/')) return ScriptedHttp.Http(Json, """[{"name":"aa","size":4096,"directory":true,"atime":1.5,"mtime":2.5},{"name":"b","size":1,"directory":false,"atime":null}]""");
        if (request.Method == "DELETE") return ScriptedHttp.Http($"403 Forbidden\nX-BorgStore-Error: PermissionDenied\nX-BorgStore-Detail: it%20is%20so\nX-BorgStore-Name: data%2Fa\n{Mark}", "refused");
        if (request.Method == "POST" && !request.Target.Contains("gather", StringComparison.Ordinal)) return ScriptedHttp.Http($"200 OK\n{Mark}");
        return ScriptedHttp.Http($"{(request.Head.Contains("Range: bytes", StringComparison.Ordinal) ? "206 Partial Content" : "200 OK")}\nContent-Type: application/octet-stream\n{Mark}", "012345");
    }

    private static byte[] S3Answer(ScriptedRequest request)
    {
        if (request.Method == "HEAD") return ScriptedHttp.Http("200 OK\nContent-Length: 6\nETag: \"e\"\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT");
        if (request.Target.Contains("list-type", StringComparison.Ordinal)) return ScriptedHttp.Http("200 OK\nContent-Type: application/xml", S3AnswerTests.List);
        if (request.Target.Contains("uploads", StringComparison.Ordinal))
            return ScriptedHttp.Http("200 OK", "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated><Upload><Key>path/data/a</Key><UploadId>u</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>");
        if (request.Target.Contains("uploadId", StringComparison.Ordinal))
            return ScriptedHttp.Http("200 OK", "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>5</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Part></ListPartsResult>");
        if (request.Method == "POST") return ScriptedHttp.Http("200 OK", "<DeleteResult><Error><Key>path/data/a</Key><Code>AccessDenied</Code><Message>kept</Message></Error></DeleteResult>");
        if (request.Method == "PUT") return ScriptedHttp.Http("200 OK\nETag: \"e\"", "<CopyObjectResult><ETag>\"e\"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyObjectResult>");
        if (request.Method == "DELETE") return ScriptedHttp.Http("403 Forbidden", "<Error><Code>AccessDenied</Code><Message>no</Message></Error>");
        return request.Head.Contains("Range: bytes", StringComparison.OrdinalIgnoreCase)
            ? ScriptedHttp.Http("206 Partial Content\nContent-Range: bytes 0-5/6\nETag: \"e\"", "012345")
            : ScriptedHttp.Http("200 OK\nETag: \"e\"", "012345");
    }

    private static byte[] RcloneResponse(ScriptedRequest request) => request.Path switch
    {
        "/core/version" => ScriptedHttp.Http("200 OK", RcloneAnswerTests.Version),
        "/operations/fsinfo" => ScriptedHttp.Http("200 OK", RcloneAnswerTests.Info),
        "/operations/list" => ScriptedHttp.Http("200 OK", """{"list":[{"Path":"data/a","Size":6,"IsDir":false,"ModTime":"2026-01-01T00:00:00.5Z"},{"Path":"data/x.tmp","Size":-1,"IsDir":false,"ModTime":"2026-01-01T00:00:00Z"}]}"""),
        "/operations/stat" => ScriptedHttp.Http("200 OK", $$$"""{"item":{"Path":"data/a","Size":6,"ModTime":"2026-01-01T00:00:00Z","Hashes":{"sha256":"{{{new string('a', 64)}}}"} }}"""),
        "/operations/deletefile" => ScriptedHttp.Http("500 Internal Server Error", """{"error":"permission denied","status":500}"""),
        _ when request.Method == "GET" => request.Head.Contains("Range: bytes", StringComparison.Ordinal)
            ? ScriptedHttp.Http("206 Partial Content\nContent-Range: bytes 0-5/6", "012345") : ScriptedHttp.Http("200 OK", "012345"),
        _ => ScriptedHttp.Http("200 OK", "{}"),
    };
}
