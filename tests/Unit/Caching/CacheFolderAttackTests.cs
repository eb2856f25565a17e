using BorgStore.Backends.Files.Linux;
using BorgStore.Layout;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Caching;

/// <summary>Attacks by other users of the machine on the folder of a cache.</summary>
public sealed class CacheFolderAttackTests : StoreFixture
{
    private const string Nobody = "65534";

    private readonly List<string> _warnings = [];

    private string Cache => Folder.Combine("cache");

    private string Planted => Folder.Combine("cache", "data", "ab", "abcd");

    private StoreOptions Options => new(Folder.StoreUrl)
    {
        CacheUrl = new Uri(Cache).AbsoluteUri,
        Layout = new([new NamespaceLayout("data", 1) { Cache = new(CacheMode.WriteThrough) { Size = 1 << 20 } }]),
        Warning = text =>
        {
            lock (_warnings) _warnings.Add(text);
        },
    };

    [Fact]
    public async Task A_new_cache_is_accessible_only_to_its_user()
    {
        SkipOnWindows();
        await MakeStoreAsync();
        await using (await Store.OpenAsync(Options)) { }
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Cache));
        Assert.Empty(_warnings);
    }

    [Theory]
    [InlineData("777", "may write to its folder")]
    [InlineData("1777", "may write to its folder")]
    [InlineData("707", "may write to its folder")]
    public async Task A_cache_writable_by_other_users_is_not_used(string mode, string problem)
    {
        SkipOnWindows();
        await MakeStoreAsync();
        Plant("the attacker's");
        await RunAsync("chmod", mode, Cache);
        await AssertNotUsedAsync(problem);
    }

    [Fact]
    public async Task A_cache_owned_by_another_user_is_not_used()
    {
        SkipUnlessRoot();
        await MakeStoreAsync();
        Plant("the attacker's");
        await RunAsync("chown", "-R", Nobody, Cache);
        await AssertNotUsedAsync("folder belongs to another user");
    }

    [Theory]
    [InlineData("755", Nobody, "folder above it belongs to another user")]
    [InlineData("777", "0", "may write to a folder above it")]
    [InlineData("775", "0:65534", "may write to a folder above it")]
    public async Task A_cache_below_a_folder_that_other_users_control_is_not_used(string mode, string owner, string problem)
    {
        SkipUnlessRoot();
        await MakeStoreAsync();
        Plant("the attacker's");
        await RunAsync("chmod", mode, Folder.Path);
        await RunAsync("chown", owner, Folder.Path);
        await AssertNotUsedAsync(problem);
    }

    [Theory]
    [InlineData("1777", "0")]
    [InlineData("775", "0:0")]
    public async Task A_cache_below_a_sticky_folder_or_a_folder_of_the_users_own_group_is_used(string mode, string owner)
    {
        SkipUnlessRoot();
        await MakeStoreAsync();
        Plant("the store's own");
        await RunAsync("chmod", mode, Folder.Path);
        await RunAsync("chown", owner, Folder.Path);
        await using var store = await Store.OpenAsync(Options);
        Assert.Equal(Bytes("the store's own"), await store.LoadAsync("data/abcd"));
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task A_cached_value_that_is_a_link_is_replaced_and_not_followed()
    {
        SkipOnWindows();
        await MakeStoreAsync();
        var secret = Folder.Combine("secret");
        await File.WriteAllTextAsync(secret, "what others may not read");
        Directory.CreateDirectory(Path.GetDirectoryName(Planted)!);
        File.CreateSymbolicLink(Planted, secret);
        await using (var store = await Store.OpenAsync(Options))
        {
            Assert.Equal(Bytes("right"), await store.LoadAsync("data/abcd"));
            Assert.Contains("is a link", Assert.Single(_warnings), StringComparison.Ordinal);
        }
        Assert.Null(new FileInfo(Planted).LinkTarget);
        Assert.Equal("right", await File.ReadAllTextAsync(Planted));
        Assert.Equal("what others may not read", await File.ReadAllTextAsync(secret));
    }

    [Fact]
    public async Task A_directory_that_is_a_link_is_never_followed()
    {
        SkipOnWindows();
        await MakeStoreAsync();
        var outside = Folder.Combine("outside");
        Directory.CreateDirectory(outside);
        await File.WriteAllTextAsync(Path.Combine(outside, "abcd"), "wrong");
        await File.WriteAllTextAsync(Path.Combine(outside, "abef"), new string('x', 2000));
        Directory.CreateDirectory(Folder.Combine("cache", "data"));
        Directory.CreateSymbolicLink(Folder.Combine("cache", "data", "ab"), outside);
        var options = Options with { Layout = new([new NamespaceLayout("data", 1) { Cache = new(CacheMode.WriteThrough) { Size = 1000 } }]) };
        await using (var store = await Store.OpenAsync(options))
        {
            Assert.Equal(Bytes("right"), await store.LoadAsync("data/abcd"));
            await store.StoreAsync("data/abgh", Bytes("new"));
            await store.DeleteAsync("data/abgh");
            Assert.Equal(Bytes("right"), await store.LoadAsync("data/abcd"));
        }
        Assert.NotEmpty(_warnings);
        Assert.Equal(["abcd", "abef"], TestDirectory.FilesBelow(outside));
        Assert.Equal("wrong", await File.ReadAllTextAsync(Path.Combine(outside, "abcd")));
        await Store.DestroyAsync(options);
        Assert.Equal(["abcd", "abef"], TestDirectory.FilesBelow(outside));
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public async Task A_cached_value_owned_by_another_user_is_not_used()
    {
        SkipUnlessRoot();
        await MakeStoreAsync();
        Plant("the attacker's");
        await RunAsync("chown", Nobody, Planted);
        await using var store = await Store.OpenAsync(Options);
        Assert.Equal(Bytes("right"), await store.LoadAsync("data/abcd"));
        Assert.Contains("'data/ab/abcd' belongs to another user", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    private async Task AssertNotUsedAsync(string problem)
    {
        await using (var store = await Store.OpenAsync(Options))
        {
            Assert.Equal(Bytes("right"), await store.LoadAsync("data/abcd"));
            Assert.Equal(1, store.GetStatistics().ToDictionary()["cache_disabled"]);
        }
        Assert.Contains(problem, Assert.Single(_warnings), StringComparison.Ordinal);
        await Store.DestroyAsync(Options);
        Assert.Equal("the attacker's", await File.ReadAllTextAsync(Planted));
    }

    private async Task MakeStoreAsync()
    {
        await using var store = await Store.CreateAsync(new(Folder.StoreUrl) { Layout = new(("data", 1)) });
        await store.StoreAsync("data/abcd", Bytes("right"));
    }

    private void Plant(string value)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Planted)!);
        File.WriteAllText(Planted, value);
    }

    private static async Task RunAsync(string program, params string[] arguments)
        => Assert.Equal(0, (await Programs.RunAsync(program, arguments))!.Value.ExitCode);

    private static void SkipOnWindows()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Owners and modes are those of Unix.");
    }

    private static void SkipUnlessRoot()
    {
        if (!LinuxFileSystem.IsSupported || !Environment.IsPrivilegedProcess) Assert.Skip("To give files to others needs to be root on Linux.");
    }
}
