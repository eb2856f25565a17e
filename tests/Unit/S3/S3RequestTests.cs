using BorgStore.Backends;
using BorgStore.Layout;
using BorgStore.Naming;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3;

/// <summary>The requests that each operation makes, taken from the server's log.</summary>
public sealed class S3RequestTests(CephServer ceph) : S3Test(ceph, $"requests-{Guid.NewGuid():n}")
{
    [Fact]
    public async Task A_small_value_takes_one_request_to_store_and_one_to_load()
    {
        Assert.Equal(["PUT"], await LogAsync(async () => await Store.StoreAsync("data/a", Bytes(1000), StoreMode.Overwrite, Ct)));
        Assert.Equal(["GET"], await LogAsync(() => LoadAsync("data/a")));
        Assert.Equal(["GET"], await LogAsync(() => LoadAsync("data/a", new(-10))));
        Assert.Equal(["GET"], await LogAsync(() => LoadAsync("data/a", new(-500, 10))));
        Assert.Equal(["HEAD"], await LogAsync(async () => await Store.FindAsync("data/a", Ct)));
        Assert.Equal(["HEAD", "PUT", "DELETE"], await LogAsync(async () => await Store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct)));
        Assert.Equal(["HEAD", "DELETE"], await LogAsync(async () => await Store.DeleteAsync("data/b", Ct)));
    }

    [Fact]
    public async Task CreateNew_takes_one_request_after_the_first_time()
    {
        await Store.StoreAsync("data/a", Bytes(10), StoreMode.CreateNew, Ct);
        Assert.Equal(["PUT"], await LogAsync(async () => await Store.StoreAsync("data/b", Bytes(10), StoreMode.CreateNew, Ct)));
    }

    [Fact]
    public async Task Listing_and_deleting_a_namespace_takes_one_request_per_thousand_items()
    {
        Assert.SkipUnless(LongTests.Wanted, "The cmdlets are held to the same with fewer items; BORGSTORE_TEST_LONG=1 runs it.");
        const int Thousands = 20;
        var names = Enumerable.Range(0, Thousands * 1000).Select(i => Nesting.Nest($"data/{i * 7919 % 65536:x4}{i:x6}", 2)).ToList();
        await PutManyAsync(names);

        var listing = await LogAsync(async () => Assert.Equal(names.Count, (await ListAsync("data", ListScope.Tree)).Count));
        Assert.InRange(listing.Count, Thousands, Thousands + 2);

        await using var store = await BorgStore.Store.OpenAsync(new StoreOptions(Url()) { Layout = new([new NamespaceLayout("data", 2)]) }, Ct);
        var items = await store.ListAllAsync(cancellationToken: Ct).Take(0).ToListAsync(Ct);
        foreach (var path in names)
            items.Add(new StoreItem("data/" + path[(path.LastIndexOf('/') + 1)..], "data", 1, IsDeleted: false, Level: 2));
        var deleting = await LogAsync(async () =>
        {
            foreach (var batch in items.Chunk(store.DeleteBatchSize)) Assert.Empty(await store.DeleteManyAsync(batch, Ct));
        });
        Assert.InRange(deleting.Count, Thousands, Thousands + 2);
        await AssertFailsAsync(StoreError.ObjectNotFound, () => ListAsync("data", ListScope.Tree));
    }

    [Fact]
    public async Task Finding_items_by_prefix_takes_one_request_for_a_thousand_of_them()
    {
        // A listing of all would take two requests in each namespace.
        var keys = Enumerable.Range(0, 1100).Select(i => $"{i * 7919 % 65536:x4}{i:x6}").ToList();
        await PutManyAsync(keys.SelectMany(key => new[] { $"flat/{key}", Nesting.Nest($"data/{key}", 2) }));
        await using var store = await BorgStore.Store.OpenAsync(new StoreOptions(Url()) { Layout = new(("flat", 0), ("data", 2)) }, Ct);
        foreach (var prefix in new[] { "0", "00", keys[500][..3], keys[500][..4], keys[500] })
        {
            foreach (var ns in new[] { "flat", "data" })
            {
                var found = new List<StoreItem>();
                Assert.Equal(["GET"], await LogAsync(async () => found.AddRange(await store.ListAsync(ns, prefix, cancellationToken: Ct).ToListAsync(Ct))));
                Assert.Equal(keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal), found.Select(item => item.Key));
            }
        }
    }

    [Fact]
    public async Task Open_takes_one_request()
        => Assert.Equal(["GET"], await LogAsync(async () =>
        {
            await using var another = await OpenAsync();
        }));

    // Batch deletions only name the bucket, so this store has its own.
    private async Task<List<string>> LogAsync(Func<Task> act)
        => [.. (await Server.LogAsync(Bucket, act)).Select(request => request.Split(' ')[0])];
}
