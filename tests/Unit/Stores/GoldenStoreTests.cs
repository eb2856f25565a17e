using System.Text.Json;
using BorgStore.Hashing;

namespace BorgStore.Tests.Stores;

/// <summary>Stores written by the Python package and Borg 2, opened without giving their layout.</summary>
public sealed class GoldenStoreTests : StoreFixture
{
    private static readonly JsonElement Expected = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "golden", "expected.json"))).RootElement;

    public static TheoryData<string> Names => [.. Expected.EnumerateObject().Select(store => store.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Items_sizes_and_hashes_match_the_Python_package(string name)
    {
        var url = new Uri(Unpack(name)).AbsoluteUri;
        await using var store = await Store.OpenAsync(new(url));

        var found = await store.ListAllAsync(ItemSelection.All).ToListAsync();
        var expected = Expected.GetProperty(name).GetProperty("items").EnumerateArray().Where(item => !item.TryGetProperty("internal", out _)).ToList();
        Assert.Equal(
            expected.Select(item => (item.GetProperty("name").GetString()!, item.GetProperty("size").GetInt64(), item.GetProperty("deleted").GetBoolean())).Order(),
            found.Select(item => (item.Name, item.Size, item.IsDeleted)).Order());

        foreach (var item in expected)
        {
            var itemName = item.GetProperty("name").GetString()!;
            var deleted = item.GetProperty("deleted").GetBoolean();
            foreach (var hash in item.GetProperty("hashes").EnumerateObject())
                Assert.Equal(hash.Value.GetString(), await store.HashAsync(itemName, HashKind.Parse(hash.Name), deleted));
            Assert.Equal(item.GetProperty("size").GetInt64(), (await store.LoadAsync(itemName, deleted: deleted)).Length);
        }
        Assert.Equal(0, store.GetStatistics().ForeignNames);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_levels_of_each_namespace_are_recognised(string name)
    {
        await using var store = await Store.OpenAsync(new(new Uri(Unpack(name)).AbsoluteUri));
        foreach (var ns in Expected.GetProperty(name).GetProperty("config").EnumerateObject())
        {
            var levels = ns.Value.EnumerateArray().Select(level => level.GetInt32()).ToArray();
            var recognised = Assert.IsType<Layout.NamespaceLayout>(store.Layout.FindNamespace(ns.Name));
            Assert.Equal(levels.Order(), recognised.Levels.Order());
            // The order of two levels cannot be recognised.
            Assert.Equal(levels.Length == 1, recognised.IsKnown);
        }
    }

    [Theory]
    [InlineData("borg-b22", "sha256", 7)]
    [InlineData("borg-b25", "blake3", 6)]
    public async Task Items_of_Borg_are_named_by_the_hash_of_their_values(string name, string algorithm, int packs)
    {
        await using var store = await Store.OpenAsync(new(new Uri(Unpack(name)).AbsoluteUri));
        Assert.Equal(packs, (await store.ListAsync("packs").ToListAsync()).Count);
        foreach (var ns in new[] { "packs", "index", "keys" })
        {
            var items = await store.ListAsync(ns).ToListAsync();
            Assert.NotEmpty(items);
            foreach (var item in items) Assert.Equal($"{ns}/{await store.HashAsync(item.Name, HashKind.Parse(algorithm))}", item.Name);
        }
    }

    [Theory]
    [InlineData("borg-b21", false)]
    [InlineData("borg-b22", false)]
    [InlineData("borg-b25", true)]
    public async Task The_version_of_a_Borg_repository_determines_whether_it_uses_BLAKE3(string name, bool usesBlake3)
    {
        await using var store = await Store.OpenAsync(new(new Uri(Unpack(name)).AbsoluteUri));
        Assert.Equal(usesBlake3, Assert.IsType<Layout.BorgRepository>(await store.FindBorgRepositoryAsync(default)).UsesBlake3);
    }

    [Fact]
    public async Task The_quota_usage_matches_the_Python_package()
    {
        var quota = Expected.GetProperty("quota").GetProperty("quota");
        await using var store = await Store.OpenAsync(new(new Uri(Unpack("quota")).AbsoluteUri) { Quota = quota.GetProperty("limit").GetInt64() });
        Assert.Equal(new(quota.GetProperty("limit").GetInt64(), quota.GetProperty("usage").GetInt64()), await store.GetQuotaAsync());
    }

    [Fact]
    public async Task Leftovers_of_a_crash_are_found_and_removed()
    {
        await using var store = await Store.OpenAsync(new(new Uri(Unpack("leftovers")).AbsoluteUri));
        var left = Assert.Single(await store.ListTemporaryAsync(TimeSpan.Zero).ToListAsync());
        Assert.Equal("data/tmpk3x9a.tmp", left.Id);
        Assert.Empty(await store.ListTemporaryAsync(TimeSpan.FromDays(36500)).ToListAsync());
        Assert.True(await store.DeleteTemporaryAsync(left));
        Assert.Empty(await store.ListTemporaryAsync(TimeSpan.Zero).ToListAsync());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_copied_store_has_the_same_files(string name)
    {
        var original = Unpack(name);
        await using var source = await Store.OpenAsync(new(new Uri(original).AbsoluteUri));
        var layout = new Layout.StoreLayout(Expected.GetProperty(name).GetProperty("config").EnumerateObject()
            .Select(ns => new Layout.NamespaceLayout(ns.Name, [.. ns.Value.EnumerateArray().Select(level => level.GetInt32())])));
        await using (var copy = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = layout }))
        {
            await foreach (var item in source.ListAllAsync(ItemSelection.All))
            {
                // A store that changes its level has items at the old level too.
                await using var at = await Store.OpenAsync(new(Folder.StoreUrl) { Layout = new([new Layout.NamespaceLayout(item.Namespace, [.. layout.FindNamespace(item.Namespace)!.Levels.Where(level => level != item.Level), item.Level])]) });
                await at.StoreAsync(item.Name, await source.LoadAsync(item.Name, deleted: item.IsDeleted));
                if (item.IsDeleted) await at.SoftDeleteAsync(item.Name);
            }
        }
        Assert.Equal(Files(original), Files(Folder.Combine("store")));
    }

    private static List<(string, string)> Files(string folder)
        => [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => !file.EndsWith(".tmp", StringComparison.Ordinal) && !file.EndsWith(".hid", StringComparison.Ordinal))
            .Select(file => (Path.GetRelativePath(folder, file), HashKind.Sha256.ComputeHex(File.ReadAllBytes(file)))).Order()];
}
