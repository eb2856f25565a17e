using BorgStore.Backends;
using BorgStore.Diagnostics;
using BorgStore.Layout;

namespace BorgStore.Tests.Stores;

public sealed class LayoutTests : StoreFixture
{
    private static readonly NamespaceLayout Changing = new("data", 1, 2);

    [Fact]
    public async Task Storing_in_an_empty_store_without_a_layout_fails_with_LayoutUnknown()
    {
        Directory.CreateDirectory(Folder.Combine("store"));
        await using var store = await OpenAsync();
        Assert.Empty(store.Layout.Namespaces);
        var error = await FailsAsync(StoreError.LayoutUnknown, async () => await store.StoreAsync("data/0123456", Bytes("1")));
        Assert.Contains("-Namespace @{ data = 2 }", error.Message, StringComparison.Ordinal);
        Assert.Empty(await store.ListAllAsync().ToListAsync());
    }

    [Fact]
    public async Task An_empty_namespace_can_be_searched_but_not_written_without_a_layout()
    {
        await (await CreateAsync(("data", 2))).DisposeAsync();
        await using var store = await OpenAsync();
        Assert.False(Assert.Single(store.Layout.Namespaces).IsKnown);
        await FailsAsync(StoreError.LayoutUnknown, async () => await store.StoreAsync("data/0123456", Bytes("1")));

        await using (var other = await OpenAsync(new(("data", 2)))) await other.StoreAsync("data/0123456", Bytes("1"));
        Assert.Equal(Bytes("1"), await store.LoadAsync("data/0123456"));
        // An existing item is replaced at its level.
        await store.StoreAsync("data/0123456", Bytes("2"));
        Assert.Single(await store.ListAsync("data").ToListAsync());
    }

    [Theory]
    [InlineData("data", 0)]
    [InlineData("data", 1)]
    [InlineData("data", 3)]
    [InlineData("ab", 2)]
    [InlineData("photos/raw", 1)]
    [InlineData("photos/raw/2026", 2)]
    [InlineData("", 0)]
    [InlineData("", 2)]
    public async Task The_level_of_a_namespace_is_recognised(string ns, int level)
    {
        await using (var made = await CreateAsync((ns, level)))
        {
            for (var i = 0; i < 40; i++) await made.StoreAsync($"{ns}/{Hashing.Sample.Random(1, i)[0]:x2}{i:x8}".TrimStart('/'), Bytes("1"));
            await made.StoreAsync($"{ns}/zzdeleted".TrimStart('/'), Bytes("1"));
            await made.SoftDeleteAsync($"{ns}/zzdeleted".TrimStart('/'));
        }
        await using var store = await OpenAsync();
        var recognised = Assert.Single(store.Layout.Namespaces);
        Assert.Equal((ns, level, true), (recognised.Name, recognised.WriteLevel, recognised.IsKnown));
    }

    [Fact]
    public async Task Nested_namespaces_are_recognised_if_their_keys_are_nested()
    {
        (string, int)[] layout = [("photos", 0), ("photos/raw", 1), ("photos/raw/old", 2)];
        await using (var made = await CreateAsync(layout))
            foreach (var name in new[] { "photos/a", "photos/raw/abcdef", "photos/raw/old/abcdef" }) await made.StoreAsync(name, Bytes(name));
        await using var store = await OpenAsync();
        Assert.Equal(layout, store.Layout.Namespaces.Select(ns => (ns.Name, ns.WriteLevel)));
        await store.StoreAsync("photos/raw/bbbb", Bytes("1"));
        Assert.True(File.Exists(Folder.Combine("store/photos/raw/bb/bbbb")));
    }

    [Theory]
    [InlineData("lost+found")]
    [InlineData(".snapshot")]
    [InlineData(".git")]
    [InlineData(".fseventsd")]
    [InlineData("@eadir")]
    [InlineData("#recycle")]
    public async Task System_folders_are_not_namespaces(string folder)
    {
        Directory.CreateDirectory(Folder.Combine($"store/{folder}/objects"));
        await File.WriteAllTextAsync(Folder.Combine($"store/{folder}/objects/file"), "");
        await using (var store = await OpenAsync()) Assert.Empty(store.Layout.Namespaces);
        await using (var store = await OpenAsync(new(("data", 1)))) await store.StoreAsync("data/abcd", Bytes("1"));
        await using (var store = await OpenAsync()) Assert.Equal("data", Assert.Single(store.Layout.Namespaces).Name);
    }

    [Fact]
    public async Task A_change_of_level_in_progress_is_recognised()
    {
        await using (var made = await CreateAsync(("data", 1)))
            for (var i = 0; i < 64; i++) await made.StoreAsync($"data/{i:x2}{i:x6}", Bytes("1"));
        await using (var changing = await OpenAsync(new([Changing]))) Assert.True(await changing.ChangeLevelAsync("data/1f00001f"));
        await using var store = await OpenAsync();
        Assert.Equal([1, 2], Assert.Single(store.Layout.Namespaces).Levels);
        await FailsAsync(StoreError.LayoutUnknown, async () => await store.StoreAsync("data/ffffffff", Bytes("1")));
    }

    [Theory]
    [InlineData("config/config", "# This is a Borg Backup repository.\n# See https://borgbackup.readthedocs.io/\n\n[repository]\nversion = 5\nid = 00\n", 1)]
    [InlineData("config/readme", "This is a Borg Backup repository.\nSee https://borgbackup.readthedocs.io/\n", 2)]
    public async Task A_new_and_empty_Borg_repository_is_recognised_by_its_config_or_readme(string name, string content, int requests)
    {
        await using (var made = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = StoreLayout.Borg2 }))
            await made.StoreAsync(name, Bytes(content));
        await using var store = await OpenAsync();
        Assert.Equal(1, store.Layout.FindNamespace("packs/")?.WriteLevel);
        Assert.Empty(await store.ListAsync("packs").ToListAsync());

        var meter = new Meter();
        await using var counted = new MeteredBackend(BackendFactory.Create(Folder.StoreUrl, new()), meter);
        await counted.OpenAsync(default);
        Assert.Same(StoreLayout.Borg2, await LayoutDetector.DetectAsync(counted, default));
        Assert.Equal(requests, meter.Read(Operation.Load).Calls);
        Assert.Equal(0, meter.Read(Operation.List).Calls);
    }

    [Fact]
    public async Task A_known_layout_is_verified_with_one_listing_unless_the_namespaces_changed()
    {
        await using var store = await CreateAsync(("config", 0), ("data", 1));
        foreach (var name in new[] { "config/a", "data/0123", "data/4567" }) await store.StoreAsync(name, Bytes("1"));

        var meter = new Meter();
        await using var counted = new MeteredBackend(BackendFactory.Create(Folder.StoreUrl, new()), meter);
        await counted.OpenAsync(default);
        var recognized = await LayoutDetector.DetectAsync(counted, default);
        Assert.True(meter.Read(Operation.List).Calls > 1);
        meter.Reset();
        Assert.Same(recognized, await LayoutDetector.DetectAsync(counted, recognized, default));
        Assert.Equal(1, meter.Read(Operation.List).Calls);
        Assert.Equal(0, meter.Read(Operation.Load).Calls);

        await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Folder.Combine("store/more")).FullName, "x"), "1");
        var changed = await LayoutDetector.DetectAsync(counted, recognized, default);
        Assert.Equal(["config", "data", "more"], changed.Namespaces.Select(ns => ns.Name).Order());
    }

    [Theory]
    [InlineData("# This is a Borg Backup repository.\n\n[repository]\nversion = 5\n", 5)]
    [InlineData("# This is a Borg Backup repository.\r\n\r\n[repository]\r\nid: 00\r\nVersion: 12\r\n", 12)]
    [InlineData("# This is a Borg Backup repository.\n[other]\nversion = 3\n[repository]\n# version = 4\nversions = 7\nid = 00", null)]
    [InlineData("# This is a Borg Backup repository.\n[repository]\nversion = five\n", null)]
    [InlineData("# This is a Borg Backup repository.", null)]
    public async Task The_version_of_a_Borg_repository_is_read_from_its_config(string content, int? version)
    {
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = StoreLayout.Borg2 });
        await store.StoreAsync("config/config", Bytes(content));
        Assert.Equal(version, Assert.IsType<BorgRepository>(await store.FindBorgRepositoryAsync(default)).Version);
    }

    [Fact]
    public async Task A_foreign_config_item_is_not_taken_for_a_Borg_repository()
    {
        await using (var made = await CreateAsync(("config", 0))) await made.StoreAsync("config/config", Bytes("[repository]\nversion = 5\n"));
        await using var store = await OpenAsync();
        Assert.Equal(["config"], store.Layout.Namespaces.Select(ns => ns.Name));
        Assert.Null(await store.FindBorgRepositoryAsync(default));
    }

    [Fact]
    public async Task All_levels_are_searched_and_new_items_are_stored_at_the_last()
    {
        await using (var made = await CreateAsync(("data", 1)))
        {
            await made.StoreAsync("data/01234567", Bytes("old"));
            await made.StoreAsync("data/89abcdef", Bytes("old"));
            await made.SoftDeleteAsync("data/89abcdef");
        }
        await using var store = await OpenAsync(new([Changing]));
        Assert.Equal(Bytes("old"), await store.LoadAsync("data/01234567"));
        await FailsAsync(StoreError.ObjectAlreadyExists, async () => await store.StoreAsync("data/01234567", Bytes("x"), StoreMode.CreateNew));
        await store.StoreAsync("data/01234567", Bytes("new"));
        Assert.Equal(1, (await store.GetInfoAsync("data/01234567")).Level);
        await store.StoreAsync("data/76543210", Bytes("1"));
        Assert.Equal(2, (await store.GetInfoAsync("data/76543210")).Level);

        Assert.True(await store.ChangeLevelAsync("data/01234567"));
        Assert.False(await store.ChangeLevelAsync("data/01234567"));
        Assert.True(await store.ChangeLevelAsync("data/89abcdef", deleted: true));
        Assert.All(await store.ListAsync("data", ItemSelection.All).ToListAsync(), item => Assert.Equal(2, item.Level));
        Assert.Equal(Bytes("new"), await store.LoadAsync("data/01234567"));

        // A live item at the new level is noticed when its deleted namesake at the old level is restored.
        Directory.CreateDirectory(Folder.Combine("store", "data", "76"));
        File.WriteAllText(Folder.Combine("store", "data", "76", "76543210.del"), "2");
        await FailsAsync(StoreError.ObjectAlreadyExists, async () => await store.UndeleteAsync("data/76543210"));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 2)]
    [InlineData(1, 0)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(2, 0)]
    public async Task A_wrong_level_is_rejected_before_an_item_exists_twice(int actual, int given)
    {
        await using (var made = await CreateAsync(("data", actual))) await made.StoreAsync("data/01234567", Bytes("1"));
        await using var store = await OpenAsync(new(("data", given)));
        var error = await FailsAsync(StoreError.LayoutUnknown, async () => await store.StoreAsync("data/01234567", Bytes("2")));
        Assert.Contains("without -Namespace", error.Message, StringComparison.Ordinal);
        await using var changing = await OpenAsync(new([new NamespaceLayout("data", actual, given)]));
        await changing.StoreAsync("data/01ff4567", Bytes("new"));
        Assert.Equal(2, (await changing.ListAsync("data").ToListAsync()).Count);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public async Task A_wrong_level_is_rejected_even_if_no_item_shares_a_directory_with_the_key(int actual, int given)
    {
        await using (var made = await CreateAsync(("data", actual))) await made.StoreAsync("data/01234567", Bytes("1"));
        await using var store = await OpenAsync(new(("data", given)));
        await FailsAsync(StoreError.LayoutUnknown, async () => await store.StoreAsync("data/fedcba98", Bytes("2")));
    }

    [Fact]
    public async Task An_inner_namespace_does_not_affect_the_level_check_of_the_outer_one()
    {
        await using (var made = await CreateAsync(("data", 1), ("data/00sub", 0))) await made.StoreAsync("data/00sub/x", Bytes("1"));
        await using var store = await OpenAsync(new(("data", 1), ("data/00sub", 0)));
        await store.StoreAsync("data/fedcba98", Bytes("2"));
        await store.StoreAsync("data/00sub/y", Bytes("2"));
    }

    [Fact]
    public async Task Items_of_nested_namespaces_are_listed_once()
    {
        await using var store = await CreateAsync(("", 0), ("data", 1), ("data/sub", 0));
        foreach (var name in new[] { "top", "data/abcd", "data/sub/x", "other/y" }) await store.StoreAsync(name, Bytes("1"));
        Assert.Equal(["other/y", "top"], (await store.ListAsync("").ToListAsync()).Select(item => item.Name).Order());
        Assert.Equal(["data/abcd"], (await store.ListAsync("data").ToListAsync()).Select(item => item.Name));
        Assert.Equal(4, (await store.ListAllAsync().ToListAsync()).Count);
        foreach (var item in await store.ListAllAsync().ToListAsync()) Assert.Equal(Bytes("1"), await store.LoadAsync(item.Name));
    }

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { -1 })]
    [InlineData(new[] { 17 })]
    [InlineData(new[] { 1, 1 })]
    public void Invalid_levels_are_rejected(int[] levels)
        => Assert.Contains("levels", Assert.Throws<StoreException>(() => new NamespaceLayout("data", levels)).Message, StringComparison.Ordinal);
}
