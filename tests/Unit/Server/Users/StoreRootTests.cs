using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Server;
using BorgStore.Server.Access;
using BorgStore.Server.Http;
using BorgStore.Server.Stores;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace BorgStore.Tests.Server.Users;

/// <summary>Many stores below one root.</summary>
public sealed class StoreRootTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, "photos")]
    [InlineData(2, "team/backups")]
    public async Task A_store_is_created_used_and_destroyed_at_its_path(int depth, string name)
    {
        await using var server = await UsersServer.StartAsync(configure: options => options with { Depth = depth });
        var url = $"{server.Address.ToString().TrimEnd('/')}/{name}";
        await using (var client = new RestBackend(url))
        {
            await client.CreateAsync(Ct);
            await client.OpenAsync(Ct);
            await client.StoreAsync("data/a", new byte[100], StoreMode.Overwrite, Ct);
            Assert.Equal(["data"], await client.ListAsync("", ListScope.OneLevel, Ct).Select(item => item.Name).ToArrayAsync(Ct));
            await using var value = await client.LoadAsync("data/a", ByteRange.Whole, Ct);
            Assert.Equal(100, value!.Length);
        }
        Assert.True(File.Exists(Path.Combine(server.Root, name, "data", "a")));
        await using (var client = new RestBackend(url)) await client.DestroyAsync(Ct);
        Assert.False(Directory.Exists(Path.Combine(server.Root, name)));
    }

    [Fact]
    public async Task Names_that_a_storage_may_take_for_one_are_different_stores()
    {
        await using var server = await UsersServer.StartAsync();
        string[] names = ["anna", "Anna", "ANNA", "anna@example.org", "m\u00fcller", "mu\u0308ller", "M\u00dcLLER", "\u4e2d\u6587", "CON"];
        foreach (var name in names)
        {
            await using var client = new RestBackend(new Uri(server.Address, name).ToString());
            await client.CreateAsync(Ct);
            await client.OpenAsync(Ct);
            await client.StoreAsync("data/name", System.Text.Encoding.UTF8.GetBytes(name), StoreMode.CreateNew, Ct);
        }
        foreach (var name in names)
        {
            await using var client = new RestBackend(new Uri(server.Address, name).ToString());
            await client.OpenAsync(Ct);
            await using var value = await client.LoadAsync("data/name", ByteRange.Whole, Ct);
            using var reader = new StreamReader(value!);
            Assert.Equal(name, await reader.ReadToEndAsync(Ct));
        }
        var folders = Directory.GetDirectories(server.Root).Select(Path.GetFileName).ToList();
        Assert.Equal(names.Length, folders.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Contains("=41nna", folders);
        Assert.Contains("anna=40example.org", folders);
        Assert.Contains("m=c3=bcller", folders);

        using var folder = new TemporaryFolder();
        await using var stores = Create(folder, options => options with { Root = server.Root });
        foreach (var other in new[] { "Anna", "=41NNA", "=4a", "=2e", "=61nna", "=4", "m=fcller" }) Directory.CreateDirectory(Path.Combine(server.Root, other));
        Assert.Equal([.. names.Append("J").Order(StringComparer.Ordinal)], (await stores.ListAsync(Ct)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_encoded_name_is_the_same_store_as_one_that_is_not()
    {
        await using var server = await UsersServer.StartAsync();
        server.MakeStore("anna=40b", ("data/a", "value"));
        using var client = server.Connect();
        foreach (var path in new[] { "/anna@b/data/a", "/anna%40b/data/a" }) Assert.Equal("value", client.Exchange("GET", path).Text);
    }

    [Fact]
    public async Task The_root_of_a_store_is_listed_with_any_number_of_slashes()
    {
        await using var server = await UsersServer.StartAsync();
        server.MakeStore("photos", ("data/a", "value"));
        using var client = server.Connect();
        foreach (var target in new[] { "/photos", "/photos/", "/photos//", "http://test/photos/" })
            Assert.Contains("\"data\"", client.Exchange("GET", target).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/../outside/")]
    [InlineData("/..")]
    [InlineData("/./outside/")]
    [InlineData("/%2e%2e/outside/")]
    [InlineData("/..%2foutside/")]
    [InlineData("/..%5coutside/")]
    [InlineData("/..\\outside/")]
    [InlineData("//outside/")]
    [InlineData("//")]
    [InlineData("/a/../../outside/data/a")]
    [InlineData("/outside%00/")]
    [InlineData("/c:/")]
    [InlineData("/c:outside/")]
    [InlineData("/con/")]
    [InlineData("/nul.txt/")]
    [InlineData("/com1/")]
    [InlineData("/conin$/")]
    [InlineData("/a./")]
    [InlineData("/.hidden/")]
    [InlineData("/a.tmp/")]
    [InlineData("/a.hid/")]
    [InlineData("/a.del/")]
    [InlineData("/%2foutside/")]
    [InlineData("/%6futside/")]
    [InlineData("/a%00/")]
    [InlineData("/a%/")]
    [InlineData("/a%4/")]
    [InlineData("/a%zz/")]
    [InlineData("/a%c3/")]
    [InlineData("/a%c0%ae/")]
    [InlineData("/a%ef%bc%8f/")]
    [InlineData("/a%e2%80%8d/")]
    [InlineData("/%f0%9f%98%80/")]
    [InlineData("/=41/")]
    [InlineData("/=2e=2e/")]
    [InlineData("/@a/")]
    [InlineData("/~/")]
    [InlineData("/~root/")]
    [InlineData("/-/")]
    [InlineData("/-")]
    [InlineData("/-a/")]
    [InlineData("/a b/")]
    [InlineData("/a+b/")]
    [InlineData("/a*/")]
    [InlineData("/a;b/")]
    [InlineData("/a#b/")]
    [InlineData("/a\u00e9/")]
    [InlineData("http://test/../outside/")]
    [InlineData("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/")]
    public async Task A_hostile_name_of_a_store_is_refused_and_changes_nothing(string path)
    {
        await using var server = await UsersServer.StartAsync();
        server.MakeStore("../outside", ("data/a", "secret"));
        server.MakeStore("a", ("data/a", "value"));
        var before = server.ListAll();
        foreach (var (method, query) in new[] { ("GET", ""), ("HEAD", ""), ("POST", ""), ("DELETE", ""), ("POST", "?cmd=create"), ("POST", "?cmd=mkdir"), ("DELETE", "?cmd=destroy"), ("GET", "?cmd=tree") })
        {
            using var client = server.Connect();
            client.Send(RawClient.Request(method, path + query, "", method == "POST" ? 0 : null));
            var answer = client.Receive(method == "HEAD");
            Assert.True(answer.Status is 400 or 404, $"{method} {path}{query}: {answer.Status} {answer.Text}");
            Assert.DoesNotContain("secret", answer.Text, StringComparison.Ordinal);
        }
        Assert.Equal(before, server.ListAll());
    }

    [Fact]
    public async Task A_command_on_a_longer_path_than_that_of_a_store_is_refused()
    {
        await using var server = await UsersServer.StartAsync();
        server.MakeStore("team", ("backups/a", "value"));
        using var client = server.Connect();
        var answer = client.Exchange("DELETE", "/team/backups?cmd=destroy");
        Assert.Equal(400, answer.Status);
        Assert.Contains("too long", answer.Text, StringComparison.Ordinal);
        Assert.Equal(400, client.Exchange("POST", "/team/backups/?cmd=create", body: []).Status);
        Assert.Equal(400, client.Exchange("POST", "/team/backups/?cmd=move&current=backups/a&new=backups/b", body: []).Status);
        Assert.Equal("value", client.Exchange("GET", "/team/backups/a").Text);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/team")]
    [InlineData("/team/")]
    public async Task A_path_that_is_too_short_names_no_store(string path)
    {
        await using var server = await UsersServer.StartAsync(configure: options => options with { Depth = 2 });
        server.MakeStore("team/backups");
        using var client = server.Connect();
        foreach (var query in new[] { "", "?cmd=tree" })
        {
            var answer = client.Exchange("GET", path + query);
            Assert.Equal(410, answer.Status);
            Assert.Contains("https://host/TEAM/NAME", answer.Text, StringComparison.Ordinal);
        }
        Assert.Equal(410, client.Exchange("DELETE", path + "?cmd=destroy").Status);
        Assert.Equal(410, client.Exchange("POST", path + "?cmd=create", body: []).Status);
        Assert.True(Directory.Exists(Path.Combine(server.Root, "team", "backups")));
    }

    [Fact]
    public async Task Idle_stores_are_closed_and_opened_again()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.Combine("a"));
        await using var stores = Create(folder, options => options with { IdleTime = TimeSpan.FromMilliseconds(200) });
        for (var round = 0; round < 2; round++)
        {
            using (var lease = stores.Find("/a/", new()))
            using (await lease.Access.EnterAsync(Ct))
                Assert.Equal(1, stores.OpenCount);
            await ServerProcess.WaitUntilAsync(() => stores.OpenCount == 0, () => "The idle store stays open.");
        }
    }

    [Fact]
    public async Task The_least_recently_used_idle_store_gives_way_and_busy_ones_do_not()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "a", "b", "c" }) Directory.CreateDirectory(folder.Combine(name));
        await using var stores = Create(folder, options => options with { MaxOpenStores = 2 });
        using (var a = stores.Find("/a/", new()))
        using (await a.Access.EnterAsync(Ct))
        {
            using (var b = stores.Find("/b/", new()))
            using (await b.Access.EnterAsync(Ct))
            {
                var busy = Assert.Throws<BadHttpRequestException>(() => stores.Find("/c/", new()));
                Assert.Equal(503, busy.StatusCode);
                Assert.Contains("Try again", busy.Message, StringComparison.Ordinal);
            }
            using var c = stores.Find("/c/", new());
            using var used = await c.Access.EnterAsync(Ct);
            Assert.Equal(2, stores.OpenCount);
            // The store in use has stayed open.
            using var again = stores.Find("/a/", new());
            Assert.Equal(2, stores.OpenCount);
        }
    }

    [Fact]
    public async Task Names_of_missing_stores_take_no_place()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.Combine("a"));
        await using var stores = Create(folder);
        using (var lease = stores.Find("/missing/", new()))
            Assert.Equal(StoreError.StoreDoesNotExist, (await Assert.ThrowsAsync<StoreException>(() => lease.Access.EnterAsync(Ct).AsTask())).Error);
        Assert.Equal(0, stores.OpenCount);
    }

    [Fact]
    public async Task The_identity_of_a_request_has_the_store()
    {
        using var folder = new TemporaryFolder();
        await using var stores = Create(folder);
        var identity = new RequestIdentity();
        using var lease = stores.Find("/photos/data/a", identity);
        Assert.Equal("photos", identity.Store);
        Assert.Equal("data/a", lease.Target.Name);
    }

    [Fact]
    public async Task The_root_may_be_the_URL_of_another_storage()
    {
        await using var storage = await UsersServer.StartAsync();
        await using var server = await UsersServer.StartAsync(configure: options => options with { Root = storage.Address.ToString() });
        await using var client = new RestBackend(new Uri(server.Address, "photos").ToString());
        Assert.Equal(StoreError.StoreDoesNotExist, (await Assert.ThrowsAsync<StoreException>(() => client.OpenAsync(Ct))).Error);
        await client.CreateAsync(Ct);
        await client.OpenAsync(Ct);
        await client.StoreAsync("data/a", new byte[100], StoreMode.Overwrite, Ct);
        Assert.True(File.Exists(Path.Combine(storage.Root, "photos", "data", "a")));
    }

    [Fact]
    public void A_missing_root_is_refused_at_the_start()
    {
        using var folder = new TemporaryFolder();
        var refused = Assert.Throws<StoreException>(() => new RestServer(new() { Root = folder.Combine("missing"), Port = 0 }));
        Assert.Contains("Create it", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/srv/x", "file:///srv/x/a")]
    [InlineData("s3:profile@host/bucket/prefix", "s3:profile@host/bucket/prefix/a")]
    [InlineData("sftp://user@host/srv/", "sftp://user@host/srv/a")]
    [InlineData("rclone:remote:", "rclone:remote:a")]
    [InlineData("rclone:remote:x", "rclone:remote:x/a")]
    public void The_name_of_a_store_is_appended_to_the_root(string root, string expected)
    {
        if (OperatingSystem.IsWindows() && root[0] == '/') Assert.Skip("A folder of Unix.");
        Assert.Equal(expected, StoreRoot.GetStoreUrl(StoreRoot.Resolve(root), "a"));
    }

    private static StoreDirectory Create(TemporaryFolder folder, Func<ServerOptions, ServerOptions>? configure = null)
    {
        var options = new ServerOptions { Root = folder.Path };
        return new(configure?.Invoke(options) ?? options, new BackendOptions(), () => Rights.Unlimited, (backend, _, _) => backend, NullLogger.Instance, TimeProvider.System);
    }
}
