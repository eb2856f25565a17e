using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Backends.S3.Connection;
using BorgStore.Backends.S3.Values;
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

    // With or without support for the condition of the copy.
    [Fact]
    public async Task A_move_keeps_a_source_that_changed_meanwhile()
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.Overwrite, Ct);
        await using var backend = await OpenAsync(Proxy.Address);
        Proxy.Decide = request =>
        {
            if (request.HttpMethod == "PUT") Server.PutAsync($"{Path}/data/a", Bytes(20)).GetAwaiter().GetResult();
            return null;
        };
        await AssertFailsAsync(StoreError.BackendFailure, () => backend.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(Bytes(20), await LoadAsync("data/a"));
    }

    private async Task<IBackend> OpenWithLimitAsync(long limit)
    {
        var backend = new S3Backend(S3Url.Parse(Url(Proxy.Address)), credential: null) { MaxCopySize = limit };
        await backend.OpenAsync(Ct);
        return backend;
    }
}
