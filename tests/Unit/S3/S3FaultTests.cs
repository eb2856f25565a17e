using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Hashing;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>Faults between the client and the server.</summary>
public sealed class S3FaultTests(CephServer ceph) : S3ProxyTest(ceph)
{
    private const int Large = 30_000_000;

    [Theory]
    [InlineData("wrong-key", null, "bucket", StoreError.AuthenticationFailed, "access key")]
    [InlineData(null, "wrong-secret", "bucket", StoreError.AuthenticationFailed, "secret key")]
    [InlineData(null, null, "no-such-bucket", StoreError.StoreDoesNotExist, "no such bucket")]
    public async Task Rejected_credentials_and_a_missing_bucket_are_explained(string? key, string? secret, string bucket, StoreError error, string said)
    {
        var url = $"s3:{key ?? Server.AccessKey}:{Uri.EscapeDataString(secret ?? Server.SecretKey)}@{Server.Endpoint.GetLeftPart(UriPartial.Authority)}/{bucket}/path";
        await using var backend = S3Backend.Create(url, new());
        foreach (var act in new Func<Task>[] { () => backend.OpenAsync(Ct), () => backend.CreateAsync(Ct), () => backend.DestroyAsync(Ct) })
        {
            var failure = await AssertFailsAsync(error, act);
            Assert.Contains(said, failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(Server.SecretKey, failure.ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(503, "SlowDown", StoreError.BackendFailure, "-ThrottleLimit")]
    [InlineData(403, "RequestTimeTooSkewed", StoreError.AuthenticationFailed, "clock")]
    [InlineData(400, "ExpiredToken", StoreError.AuthenticationFailed, "expired")]
    [InlineData(403, "AccessDenied", StoreError.PermissionDenied, "policies")]
    [InlineData(403, "QuotaExceeded", StoreError.QuotaExceeded, "quota")]
    [InlineData(507, "InsufficientStorage", StoreError.NoSpace, "no room")]
    [InlineData(501, "NotImplemented", StoreError.NotSupported, "cannot")]
    [InlineData(418, "Teapot", StoreError.BackendFailure, "Teapot")]
    public async Task Each_error_code_of_the_server_is_mapped_and_explained(int status, string code, StoreError error, string said)
    {
        await using var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = _ => Fault.Error(status, code);
        // Retryable errors are retried for seconds, so one round is enough.
        foreach (var act in new Func<Task>[]
        {
            () => backend.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct).AsTask(),
            () => backend.LoadAsync("data/a", default, Ct).AsTask(),
            async () => await backend.ListAsync("data", ListScope.Tree, Ct).ToListAsync(Ct),
        }.Take(status < 500 ? 3 : 1))
            Assert.Contains(said, (await AssertFailsAsync(error, act)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_denied_delete_is_not_mistaken_for_a_missing_item()
    {
        await using var backend = await OpenAsync(Proxy.Address);
        await Store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        foreach (var method in new[] { "HEAD", "DELETE" })
        {
            Proxy.Decide = request => request.HttpMethod == method ? Fault.Error(403, "AccessDenied") : null;
            await AssertFailsAsync(StoreError.PermissionDenied, () => backend.DeleteAsync("data/a", Ct).AsTask());
        }
        Assert.Equal([1], await LoadAsync("data/a"));
    }

    [Fact]
    public async Task Temporary_throttling_is_retried()
    {
        await using var backend = await OpenAsync(Proxy.Address);
        var left = LongTests.Choose(quick: 1, @long: 3);
        Proxy.Decide = _ => Interlocked.Decrement(ref left) >= 0 ? Fault.Error(503, "SlowDown") : null;
        await backend.StoreAsync("data/a", Bytes(1000), StoreMode.Overwrite, Ct);
        Assert.Equal(Bytes(1000), await LoadAsync("data/a"));
    }

    [Fact]
    public async Task Retries_of_the_SDK_and_of_interrupted_loads_are_reported()
    {
        var retries = new ConcurrentQueue<StoreRetry>();
        await using var backend = S3Backend.Create(Url(Proxy.Address), new() { Retried = retries.Enqueue });
        await backend.OpenAsync(Ct);
        var left = 2;
        Proxy.Decide = request => request.HttpMethod == "PUT" && Interlocked.Decrement(ref left) >= 0 ? Fault.Error(503, "SlowDown") : null;
        await backend.StoreAsync("data/a", Bytes(1000), StoreMode.Overwrite, Ct);
        Assert.Equal([("data/a", 2), ("data/a", 3)], retries.Select(retry => (retry.Name!, retry.Attempt)));
        Assert.All(retries, retry => Assert.Contains("SlowDown", retry.Reason, StringComparison.OrdinalIgnoreCase));

        retries.Clear();
        left = 1;
        Proxy.Decide = request => request.HttpMethod == "GET" && Interlocked.Decrement(ref left) >= 0 ? Fault.Error(500, "InternalError") : null;
        await using var value = await backend.LoadAsync("data/a", default, Ct);
        Assert.Equal(Bytes(1000), await value!.ReadToEndAsync(Ct));
        Assert.Equal(("data/a", 2), (Assert.Single(retries).Name, retries.First().Attempt));
        Assert.DoesNotContain(retries, retry => retry.ToString().Contains(Server.SecretKey, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wrong_local_clock_is_corrected()
    {
        // Within the tolerance of the real server, so that it also accepts the corrected time.
        var time = DateTime.UtcNow.AddMinutes(8);
        var corrected = 0;
        Proxy.Decide = request =>
        {
            var said = DateTime.ParseExact(request.Headers["X-Amz-Date"]!, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);
            if ((said - time).Duration() > TimeSpan.FromMinutes(2))
                return Fault.Error(403, "RequestTimeTooSkewed") with { Headers = new() { ["Date"] = time.ToString("R") } };
            corrected++;
            return null;
        };
        await using var backend = await OpenAsync(Proxy.Address);
        await backend.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        Assert.Equal(2, corrected);
    }

    [Fact]
    public async Task A_bucket_deleted_while_the_store_is_open_is_reported()
    {
        var bucket = $"faults-{Guid.NewGuid():n}";
        await Server.Client.PutBucketAsync(bucket, Ct);
        await using var backend = S3Backend.Create(Server.UrlOf("path", bucket: bucket), new());
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        await Server.Client.DeleteObjectAsync(bucket, "path/", Ct);
        await Server.Client.DeleteBucketAsync(bucket, Ct);
        foreach (var act in new Func<Task>[]
        {
            () => backend.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct).AsTask(),
            () => backend.LoadAsync("data/a", default, Ct).AsTask(),
            () => backend.DeleteManyAsync(["data/a"], Ct).AsTask(),
            async () => await backend.ListAsync("data", ListScope.Tree, Ct).CountAsync(Ct),
        })
            Assert.Contains("no such bucket", (await AssertFailsAsync(StoreError.StoreDoesNotExist, act)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(301, "PermanentRedirect", true)]
    [InlineData(400, "AuthorizationHeaderMalformed", false)]
    public async Task The_region_of_a_bucket_is_detected(int status, string code, bool inHeader)
    {
        Proxy.Decide = request => request.Headers["Authorization"]!.Contains("/eu-north-1/s3/", StringComparison.Ordinal) ? null
            : Fault.Error(status, code, inHeader ? "provoked" : "The region 'us-east-1' is wrong; expecting 'eu-north-1'") with { Headers = inHeader ? new() { ["x-amz-bucket-region"] = "eu-north-1" } : [] };
        await using var backend = await OpenAsync(Proxy.Address);
        Assert.Null(await backend.FindAsync("data/a", Ct));

        Proxy.Decide = _ => Fault.Error(status, code);
        await using var another = S3Backend.Create(Url(Proxy.Address), new());
        Assert.Contains("?region=", (await AssertFailsAsync(StoreError.InvalidUrl, () => another.OpenAsync(Ct))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_load_resumes_after_the_connection_is_cut()
    {
        var value = Bytes(Large);
        await Store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        var cuts = 0;
        Proxy.Decide = request => request.HttpMethod == "GET" && Interlocked.Increment(ref cuts) % 2 == 1 ? new() { CutsAfter = 1_000_000 } : null;
        await using (var stream = await backend.LoadAsync("data/a", default, Ct)) Assert.Equal(value, await stream!.ReadToEndAsync(Ct));
        Assert.True(cuts > 4);

        // It takes a while to give up.
        if (!LongTests.Wanted) return;
        Proxy.Decide = _ => new() { CutsAfter = 0 };
        await AssertFailsAsync(StoreError.ConnectionLost, async () =>
        {
            await using var stream = await backend.LoadAsync("data/a", default, Ct);
            await stream!.ReadToEndAsync(Ct);
        });
    }

    [Fact]
    public async Task A_listing_survives_a_cut_connection_but_fails_on_a_truncated_response()
    {
        await PutManyAsync(Enumerable.Range(0, 50).Select(i => $"data/{i:00}"));
        await using var backend = await OpenAsync(Proxy.Address);
        var left = 2;
        Proxy.Decide = _ => Interlocked.Decrement(ref left) >= 0 ? new() { CutsAfter = 3000 } : null;
        Assert.Equal(50, await backend.ListAsync("data", ListScope.Tree, Ct).CountAsync(Ct));

        // A response that ends too early on an intact connection.
        Proxy.Decide = _ => new() { Status = HttpStatusCode.OK, Body = "<ListBucketResult><Contents><Key>" };
        await AssertFailsAsync(StoreError.ConnectionLost, async () => await backend.ListAsync("data", ListScope.Tree, Ct).CountAsync(Ct));
    }

    [Fact]
    public async Task Loading_a_value_that_is_replaced_meanwhile_fails()
    {
        await Store.StoreAsync("data/a", Bytes(Large, 1), StoreMode.Overwrite, Ct);
        await using var stream = await Store.LoadAsync("data/a", default, Ct);
        await Store.StoreAsync("data/a", Bytes(Large, 2), StoreMode.Overwrite, Ct);
        var error = await AssertFailsAsync(StoreError.BackendFailure, () => stream!.ReadToEndAsync(Ct).AsTask());
        Assert.Contains("changed it meanwhile", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_response_to_the_completion_of_an_upload_is_resolved()
    {
        await using var backend = await OpenAsync(Proxy.Address);
        var left = 1;
        Proxy.Decide = request => request.HttpMethod == "POST" && request.RawUrl.Contains("uploadId", StringComparison.Ordinal)
            && Interlocked.Decrement(ref left) == 0 ? new() { LosesAnswer = true } : null;
        await backend.StoreAsync("data/a", Bytes(Large), StoreMode.Overwrite, Ct);
        Assert.Equal(Bytes(Large), await LoadAsync("data/a"));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(Large)]
    public async Task CreateNew_succeeds_when_only_the_response_to_its_first_attempt_was_lost(int size)
    {
        await using var backend = await OpenAsync(Proxy.Address);
        // The first response to each write, including the check whether the server supports the condition.
        var lost = new ConcurrentDictionary<string, bool>();
        Proxy.Decide = request => (request.HttpMethod == "PUT" || request.RawUrl.Contains("uploadId", StringComparison.Ordinal))
            && lost.TryAdd(request.HttpMethod + request.RawUrl, true) ? new() { LosesAnswer = true } : null;
        await backend.StoreAsync("data/a", Bytes(size), StoreMode.CreateNew, Ct);
        Assert.True(lost.Count > 1);
        Assert.Equal(Bytes(size), await LoadAsync("data/a"));

        // An equal value of someone else is not taken for our own.
        lost.Clear();
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => backend.StoreAsync("data/a", Bytes(size), StoreMode.CreateNew, Ct).AsTask());
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
    }

    [Fact]
    public async Task A_failing_part_aborts_the_upload()
    {
        await using var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = request => request.RawUrl.Contains("partNumber=2", StringComparison.Ordinal) ? Fault.Error(403, "AccessDenied") : null;
        await AssertFailsAsync(StoreError.PermissionDenied, () => backend.StoreAsync("data/a", Bytes(Large), StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
        Assert.Null(await Store.FindAsync("data/a", Ct));
    }

    [Fact]
    public async Task A_batch_deletion_reports_the_items_that_are_left()
    {
        await PutManyAsync(["data/a", "data/b", "data/c"]);
        var fault = new Fault
        {
            Status = HttpStatusCode.OK,
            Body = $"<DeleteResult><Error><Key>{Path}/data/b</Key><Code>AccessDenied</Code><Message>kept</Message></Error></DeleteResult>",
        };
        await using (var backend = await OpenAsync(Proxy.Address))
        {
            Proxy.Decide = request => request.HttpMethod == "POST" ? fault : null;
            var failure = Assert.Single(await backend.DeleteManyAsync(["data/a", "data/b"], Ct));
            Assert.Equal(("data/b", StoreError.PermissionDenied), (failure.Name, failure.Reason.Error));
        }
        await using var destroyer = S3Backend.Create(Url(Proxy.Address), new());
        var error = await AssertFailsAsync(StoreError.PermissionDenied, () => destroyer.DestroyAsync(Ct));
        Assert.Contains("1 items are left", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CreateNew_never_replaces_an_item_on_a_server_without_conditional_writes(bool refuses)
    {
        await using var backend = await OpenAsync(Proxy.Address);
        await Store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        // One server rejects the condition, the other ignores it.
        Proxy.Decide = request => request.Headers["If-None-Match"] is null ? null
            : refuses ? Fault.Error(501, "NotImplemented") : new() { Status = HttpStatusCode.OK, Headers = new() { ["ETag"] = "\"x\"" } };
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => backend.StoreAsync("data/a", new byte[] { 2 }, StoreMode.CreateNew, Ct).AsTask());
        await backend.StoreAsync("data/b", new byte[] { 2 }, StoreMode.CreateNew, Ct);
        Assert.Equal([1], await LoadAsync("data/a"));
        Assert.Equal([2], await LoadAsync("data/b"));
    }

    [Fact]
    public async Task Hash_uses_a_stored_checksum_of_the_whole_value()
    {
        var value = Bytes(1000);
        await Store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct);
        await using var backend = S3Backend.Create(Url(Proxy.Address) + "?checksum=sha256", new());
        await backend.OpenAsync(Ct);
        var digest = HashKind.Sha256.ComputeHex(value);
        var loads = 0;
        foreach (var (type, loaded) in new[] { ("FULL_OBJECT", 0), ("COMPOSITE", 1) })
        {
            Proxy.Decide = request =>
            {
                if (request.HttpMethod == "GET") loads++;
                return request.HttpMethod == "HEAD" ? new()
                {
                    Status = HttpStatusCode.OK,
                    Headers = new() { ["x-amz-checksum-sha256"] = Convert.ToBase64String(Convert.FromHexString(digest)), ["x-amz-checksum-type"] = type, ["ETag"] = "\"x\"" },
                } : null;
            };
            Assert.Equal(digest, await backend.HashAsync("data/a", HashKind.Sha256, Ct));
            Assert.Equal(loaded, loads);
        }
    }
}
