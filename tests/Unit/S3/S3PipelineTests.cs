using BorgStore.Backends;
using BorgStore.Backends.S3;
using BorgStore.Naming;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>Operations on many items, through cmdlets where possible, with the requests taken from the server's log.</summary>
public sealed class S3PipelineTests(CephServer ceph) : S3Test(ceph, $"pipeline-{Guid.NewGuid():n}")
{
    private const string RemoveAll = """
        $module, $url = $args
        Import-Module $module
        $store = Open-BorgStore $url -Namespace @{ data = 2 }
        Get-BorgStoreItem -Namespace data -Store $store | Remove-BorgStoreItem
        Close-BorgStore $store
        """;

    private const string ClearTemporary = """
        $module, $url = $args
        Import-Module $module
        $store = Open-BorgStore $url -Namespace @{ data = 1 }
        'old ' + @(Clear-BorgStoreTemporary -Store $store).Count
        'any ' + @(Clear-BorgStoreTemporary -Store $store -OlderThan 0).Count
        Close-BorgStore $store
        """;

    private const string StoreFile = """
        $module, $url, $path = $args
        Import-Module $module
        $store = Open-BorgStore $url -Namespace @{ data = 1 }
        Set-BorgStoreItem data/large -Path $path -Store $store
        """;

    public static TheoryData<int> Counts => [.. LongTests.Choose<int[]>(quick: [1_100], @long: [20_000, 105_000])];

    [Theory, MemberData(nameof(Counts))]
    public async Task Items_are_listed_and_deleted_a_thousand_per_request(int count)
    {
        var names = NamesAtTwoLevels(count);
        await PutManyAsync(names);

        List<string> listed = [];
        var listing = await LogAsync(async () => listed = await ListAsync("data", ListScope.Tree));
        Assert.Equal(names.Select(name => name["data/".Length..]).Order(StringComparer.Ordinal), listed);
        AssertThousands(count, besides: 0, listing);

        var removing = await LogAsync(() => ModuleSession.RunAsync(RemoveAll, Url()));
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} items: {listing.Count} requests list them, and to remove them takes "
            + string.Join(", ", removing.CountBy(IsBatch).Select(kind => $"{kind.Value} {(kind.Key ? "deletions" : "others")}")));
        AssertThousands(count, besides: 0, removing.Where(IsBatch));
        // The second listing, and the requests for opening the store.
        AssertThousands(count, besides: 2, removing.Where(request => !IsBatch(request)));
        await AssertFailsAsync(StoreError.ObjectNotFound, () => ListAsync("data", ListScope.Tree));
    }

    [Fact]
    public async Task A_store_is_destroyed_a_thousand_items_per_request()
    {
        var count = LongTests.Choose(quick: 30, @long: 1_200);
        await PutManyAsync(NamesAtTwoLevels(count));
        await Store.DisposeAsync();
        var requests = await LogAsync(async () =>
        {
            await using var destroyer = S3Backend.Create(Url(), new());
            await destroyer.DestroyAsync(Ct);
        });
        AssertThousands(count, besides: 0, requests.Where(IsBatch));
        // The checks for a store and for unfinished uploads.
        AssertThousands(count, besides: 2, requests.Where(request => !IsBatch(request)));
        Assert.Empty((await Server.Client.ListObjectsV2Async(new() { BucketName = Bucket }, Ct)).S3Objects ?? []);
        // So that the cleanup of the test finds a store.
        await Server.Client.PutObjectAsync(new() { BucketName = Bucket, Key = Path + "/" }, Ct);
    }

    // The long form has more than one page of uploads.
    [Fact]
    public async Task Only_unfinished_uploads_of_this_store_are_cleared()
    {
        var count = LongTests.Choose(quick: 30, @long: 1_050);
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Ct },
            async (i, _) => await BeginAsync($"{Path}/data/{i % 100:00}/{i:0000}"));
        string[] others = [$"{Path}-other/data/00/0000", $"{Path}", $"other/{Path}/data/00/0000"];
        foreach (var key in others) await BeginAsync(key);

        Assert.Equal(["old 0", $"any {count}"], await ModuleSession.RunAsync(ClearTemporary, Url()));
        var left = await Server.Client.ListMultipartUploadsAsync(Bucket, Ct);
        Assert.Equal(others.Order(StringComparer.Ordinal), left.MultipartUploads.Select(upload => upload.Key).Order(StringComparer.Ordinal));
        foreach (var upload in left.MultipartUploads) await Server.Client.AbortMultipartUploadAsync(Bucket, upload.Key, upload.UploadId, Ct);
    }

    [Fact]
    public async Task A_session_killed_during_an_upload_leaves_only_an_unfinished_upload()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllBytesAsync(folder.Combine("file"), Bytes(30_000_000), Ct);
        var reached = new TaskCompletionSource();
        await using var proxy = FaultProxy.Start(Server.Endpoint);
        proxy.Decide = request =>
        {
            if (!request.RawUrl.Contains("partNumber=3", StringComparison.Ordinal)) return null;
            reached.TrySetResult();
            return new() { StallsFor = TimeSpan.FromMinutes(1) };
        };
        using (var session = ModuleSession.Start(StoreFile, Url(proxy.Address), folder.Combine("file")))
        {
            await Task.WhenAny(reached.Task, session.WaitForExitAsync(Ct)).WaitAsync(TimeSpan.FromSeconds(60), Ct);
            Assert.True(reached.Task.IsCompleted, session.HasExited ? await session.StandardError.ReadToEndAsync(Ct) : "");
            session.Kill(entireProcessTree: true);
            await session.WaitForExitAsync(Ct);
        }
        Assert.Empty(await ListAsync("", ListScope.Tree));
        Assert.Equal(["old 0", "any 1"], await ModuleSession.RunAsync(ClearTemporary, Url()));
        Assert.Empty((await Server.Client.ListMultipartUploadsAsync(Bucket, Ct)).MultipartUploads ?? []);
    }

    private static List<string> NamesAtTwoLevels(int count)
        => [.. Enumerable.Range(0, count).Select(i => Nesting.Nest($"data/{i * 7919 % 65536:x4}{i:x6}", 2))];

    private static bool IsBatch(string request) => request.StartsWith("POST", StringComparison.Ordinal) && request.Contains("?delete", StringComparison.Ordinal);

    private static void AssertThousands(int count, int besides, IEnumerable<string> requests)
        => Assert.InRange(requests.Count(), count / 1000, (count / 1000) + 2 + besides);

    private async Task BeginAsync(string key) => await Server.Client.InitiateMultipartUploadAsync(Bucket, key, Ct);

    private Task<List<string>> LogAsync(Func<Task> act) => Server.LogAsync(Bucket, act);
}
