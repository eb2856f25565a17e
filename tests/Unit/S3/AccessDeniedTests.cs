using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>Operations that the policy of a bucket forbids, refused by the server itself.</summary>
public sealed class AccessDeniedTests(CephServer ceph) : S3Test(ceph, $"refusals-{Guid.NewGuid():n}")
{
    public override async ValueTask DisposeAsync()
    {
        await Server.Client.DeleteBucketPolicyAsync(Bucket, CancellationToken.None);
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_denied_listing_reports_permission_denied()
    {
        await PutManyAsync(["data/a"]);
        await DenyAsync("s3:ListBucket", "");
        await AssertRefusedAsync(() => ListAsync("data", ListScope.Tree));
        await AssertRefusedAsync(() => OpenAsync());
        await AssertRefusedAsync(async () =>
        {
            await using var creator = S3Backend.Create(Server.UrlOf("elsewhere", bucket: Bucket), new());
            await creator.CreateAsync(Ct);
        });
    }

    [Fact]
    public async Task A_denied_deletion_is_reported_for_each_item()
    {
        await PutManyAsync(["data/kept", "data/gone"]);
        await DenyAsync("s3:DeleteObject", $"/{Path}/data/kept");
        await AssertRefusedAsync(() => Store.DeleteAsync("data/kept", Ct).AsTask());
        var moving = await AssertRefusedAsync(() => Store.MoveAsync("data/kept", "data/moved", StoreMode.Overwrite, Ct).AsTask());
        Assert.Contains("both names", moving.Message, StringComparison.Ordinal);
        Assert.Equal((await LoadAsync("data/kept"))!, await LoadAsync("data/moved"));

        var failure = Assert.Single(await Store.DeleteManyAsync(["data/gone", "data/kept", "data/moved"], Ct));
        Assert.Equal(("data/kept", StoreError.PermissionDenied), (failure.Name, failure.Reason.Error));
        Assert.Equal(["kept"], await ListAsync("data", ListScope.OneLevel));
    }

    [Fact]
    public async Task Denied_writes_and_reads_report_permission_denied()
    {
        await PutManyAsync(["data/a"]);
        await DenyAsync("s3:PutObject", $"/{Path}/*");
        await AssertRefusedAsync(() => Store.StoreAsync("data/b", new byte[] { 1 }, StoreMode.Overwrite, Ct).AsTask());
        await AssertRefusedAsync(() => Store.StoreAsync("data/b", Bytes(20_000_000), StoreMode.Overwrite, Ct).AsTask());
        await AssertRefusedAsync(() => Store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal(["a"], await ListAsync("data", ListScope.OneLevel));
        await DenyAsync("s3:GetObject", $"/{Path}/*");
        await AssertRefusedAsync(() => LoadAsync("data/a"));
        await AssertRefusedAsync(() => Store.FindAsync("data/a", Ct).AsTask());
        // An item that may not be read is not reported as missing.
        await AssertRefusedAsync(() => Store.DeleteAsync("data/a", Ct).AsTask());
    }

    [Fact]
    public async Task Destroy_reports_the_items_it_could_not_delete()
    {
        // The long form needs more than one batch.
        var count = LongTests.Choose(quick: 20, @long: 1_200);
        await PutManyAsync([.. Enumerable.Range(0, count).Select(i => $"data/{i:0000}"), "keep/a", "keep/b"]);
        await DenyAsync("s3:DeleteObject", $"/{Path}/keep/*");
        await Store.DisposeAsync();
        await using (var destroyer = S3Backend.Create(Url(), new()))
        {
            var failure = await AssertRefusedAsync(() => destroyer.DestroyAsync(Ct));
            Assert.Contains("2 items are left", failure.Message, StringComparison.Ordinal);
            Assert.Contains("The rest is gone.", failure.Message, StringComparison.Ordinal);
        }
        var left = await Server.Client.ListObjectsV2Async(new() { BucketName = Bucket }, Ct);
        Assert.Equal([$"{Path}/keep/a", $"{Path}/keep/b"], left.S3Objects.Select(item => item.Key));
    }

    private static async Task<StoreException> AssertRefusedAsync(Func<Task> act)
    {
        var failure = await AssertFailsAsync(StoreError.PermissionDenied, act);
        Assert.Contains("policies", failure.Message, StringComparison.Ordinal);
        return failure;
    }

    private async Task DenyAsync(string action, string resource) => await Server.Client.PutBucketPolicyAsync(new()
    {
        BucketName = Bucket,
        Policy = $$"""
            {
              "Version": "2012-10-17",
              "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "{{action}}", "Resource": "arn:aws:s3:::{{Bucket}}{{resource}}" }]
            }
            """,
    }, Ct);
}
