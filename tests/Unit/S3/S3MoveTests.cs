using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.S3.Values;
using BorgStore.Diagnostics;
using BorgStore.Hashing;
using BorgStore.Synchronization;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>Moves that exceed the limit of one copy, or are interrupted.</summary>
public sealed class S3MoveTests(CephServer ceph) : S3ProxyTest(ceph)
{
    private const long CopyLimitOfS3 = 5L << 30;
    private const long Lowered = 6 << 20;

    [Fact]
    public async Task A_value_too_large_for_one_copy_is_copied_in_parts_on_the_server()
    {
        var (size, limit) = LongTests.Choose(quick: (20L << 20, Lowered), @long: (CopyLimitOfS3 + (8 << 20), PartSizes.MaxCopySize));
        await using var backend = await OpenWithLimitAsync(limit);
        await backend.StoreAsync("data/a", new StoreValue(new PatternStream(size), size), StoreMode.CreateNew, Ct);
        var requests = await Server.LogAsync(Path, async () => Assert.True(await backend.MoveAsync("data/a", "data/b", StoreMode.CreateNew, Ct)));
        Assert.Equal((size + limit - 1) / limit, requests.Count(request => request.StartsWith("PUT", StringComparison.Ordinal)));
        Assert.Equal(2, requests.Count(request => request.StartsWith("POST", StringComparison.Ordinal)));
        // The value was not loaded by the client.
        Assert.DoesNotContain(requests, request => request.StartsWith("GET", StringComparison.Ordinal) && request.Contains("data/a", StringComparison.Ordinal));

        Assert.Null(await backend.FindAsync("data/a", Ct));
        await using var moved = (await backend.LoadAsync("data/b", default, Ct))!;
        await PatternStream.AssertIsAsync(moved, size, Ct);
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
    }

    [Fact]
    public async Task A_failing_copy_in_parts_changes_nothing()
    {
        var value = Bytes(20 << 20);
        await Store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct);
        await Store.StoreAsync("data/b", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        await using var backend = await OpenWithLimitAsync(Lowered);
        Proxy.Decide = request => request.RawUrl.Contains("partNumber=3", StringComparison.Ordinal) ? Fault.Error(403, "AccessDenied") : null;
        await AssertFailsAsync(StoreError.PermissionDenied, () => backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(0, await Server.CountUploadsAsync(Path));
        Assert.Equal([1], await LoadAsync("data/b"));
        Assert.Equal(value, await LoadAsync("data/a"));
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => backend.MoveAsync("data/a", "data/b", StoreMode.CreateNew, Ct).AsTask());
        Assert.Equal([1], await LoadAsync("data/b"));
    }

    // A broken connection is retried for a while.
    public static TheoryData<string> Cuts => [.. LongTests.Choose<string[]>(quick: ["refused", "cancelled"], @long: ["refused", "cancelled", "cut"])];

    [Theory, MemberData(nameof(Cuts))]
    public async Task A_move_interrupted_between_copy_and_delete_reports_both_names(string how)
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        using var source = new CancellationTokenSource();
        Proxy.Decide = request =>
        {
            if (request.HttpMethod != "DELETE") return null;
            if (how == "cancelled") source.Cancel();
            return how == "refused" ? Fault.Error(403, "AccessDenied") : new Fault { LosesRequest = true };
        };
        var failure = await Assert.ThrowsAsync<StoreException>(() => backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, source.Token).AsTask());
        Assert.Contains("may now exist under both names", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Bytes(10), await LoadAsync("data/a"));
        Assert.Equal(Bytes(10), await LoadAsync("data/b"));
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    public async Task A_move_succeeds_if_a_response_is_lost(string method)
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        var left = 1;
        Proxy.Decide = request => request.HttpMethod == method && Interlocked.Decrement(ref left) == 0 ? new() { LosesAnswer = true } : null;
        Assert.True(await backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct));
        Assert.True(left < 0);
        Assert.Null(await Store.FindAsync("data/a", Ct));
        Assert.Equal(Bytes(10), await LoadAsync("data/b"));
    }

    [Fact]
    public async Task A_move_keeps_its_source_if_the_copy_is_incomplete()
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = request => request.HttpMethod != "PUT" ? null
            : new() { Status = System.Net.HttpStatusCode.OK, Body = "<CopyObjectResult><ETag>\"x\"</ETag></CopyObjectResult>" };
        var failure = await AssertFailsAsync(StoreError.BackendFailure, () => backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask());
        Assert.Contains("left as it is", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Bytes(10), await LoadAsync("data/a"));
    }

    // With support for the condition of the copy the move fails, and without it the new value is moved.
    [Fact]
    public async Task A_move_loses_no_value_that_its_source_gets_meanwhile()
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = request =>
        {
            if (request.HttpMethod == "PUT") Server.PutAsync($"{Path}/data/a", Bytes(20)).GetAwaiter().GetResult();
            return null;
        };
        var isMoved = true;
        try
        {
            await backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct);
        }
        catch (StoreException e) when (e.Error == StoreError.BackendFailure)
        {
            isMoved = false;
        }
        Assert.Equal(Bytes(20), await LoadAsync(isMoved ? "data/b" : "data/a"));
        Assert.Equal(isMoved, await Store.FindAsync("data/a", Ct) is null);
    }

    // Between the check of the condition and the copying, the value is replaced, and the server copies the new one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_copy_of_a_value_that_was_just_replaced_is_one_of_the_new_value(bool isMove)
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = request =>
        {
            if (request.HttpMethod != "PUT") return null;
            foreach (var name in new[] { "a", "b" }) Server.PutAsync($"{Path}/data/{name}", Bytes(20)).GetAwaiter().GetResult();
            var etag = HashKind.Parse("md5").ComputeHex(Bytes(20));
            return new() { Status = System.Net.HttpStatusCode.OK, Body = $"<CopyObjectResult><ETag>\"{etag}\"</ETag></CopyObjectResult>" };
        };
        if (isMove) Assert.True(await backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct));
        else Assert.Equal(20, await backend.CopyFromAsync(backend.FindOrigin("data/a")!, "data/b", StoreMode.Overwrite, Ct));
        Assert.Equal(Bytes(20), await LoadAsync("data/b"));
        Assert.Equal(isMove, await Store.FindAsync("data/a", Ct) is null);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(20 << 20)]
    public async Task A_copy_between_stores_of_one_server_loads_nothing(int size)
    {
        await Store.StoreAsync("data/a", Bytes(size), StoreMode.Overwrite, Ct);
        var bucket = $"copies-{Guid.NewGuid():n}";
        await Server.Client.PutBucketAsync(bucket, Ct);
        await using var other = new S3Backend(S3Url.Parse(Server.UrlOf("other", endpoint: null, bucket)), credential: null) { MaxCopySize = Lowered };
        await other.CreateAsync(Ct);
        await other.OpenAsync(Ct);
        List<string> written = [];
        var read = await Server.LogAsync(Path, async () => written = await Server.LogAsync(bucket, async ()
            => Assert.Equal(size, await other.CopyFromAsync(Store.FindOrigin("data/a")!, "data/b", StoreMode.Overwrite, Ct))));
        Assert.DoesNotContain(read.Concat(written), request => request.StartsWith("GET", StringComparison.Ordinal));
        Assert.Contains(read, request => request.StartsWith("HEAD", StringComparison.Ordinal));
        Assert.Equal(size > Lowered ? (size + Lowered - 1) / Lowered : 1, written.Count(request => request.StartsWith("PUT", StringComparison.Ordinal)));
        await using var copy = (await other.LoadAsync("data/b", default, Ct))!;
        Assert.Equal(Bytes(size), await copy.ReadToEndAsync(Ct));

        // Only the user knows that two addresses are the same server.
        await using var elsewhere = await OpenAsync(Proxy.Address);
        Assert.Null(await elsewhere.CopyFromAsync(Store.FindOrigin("data/a")!, "data/c", StoreMode.Overwrite, Ct));
    }

    [Fact]
    public async Task A_refused_copy_between_stores_is_made_by_loading_and_storing()
    {
        await Store.StoreAsync("data/a", Bytes(1000), StoreMode.Overwrite, Ct);
        await using var store = await BorgStore.Store.OpenAsync(new StoreOptions(Url(Proxy.Address)) { Layout = new(("data", 0)) }, Ct);
        Proxy.Decide = request => request.Headers["x-amz-copy-source"] is not null ? Fault.Error(501, "NotImplemented") : null;
        await new ItemCopy(store, "data/a", IsDeleted: false, store) { NewName = "data/b" }.CopyAsync(Ct);
        Assert.Equal(Bytes(1000), await LoadAsync("data/b"));
        var copies = store.GetStatistics().Operations.Single(operation => operation.Operation == Operation.Copy);
        Assert.Equal(0, copies.Calls);
    }

    private async Task<IBackend> OpenWithLimitAsync(long limit)
    {
        var backend = new S3Backend(S3Url.Parse(Url(Proxy.Address)), credential: null) { MaxCopySize = limit };
        await backend.OpenAsync(Ct);
        return backend;
    }
}
