using System.Text;

namespace BorgStore.Tests.Server.Users;

/// <summary>Two users of one server, of whom neither may learn anything of the other's stores.</summary>
public sealed class IsolationTests
{
    private static readonly Dictionary<string, string> Passwords = new() { ["anna"] = "pear", ["ben"] = "plum" };

    private static readonly string Anna = UsersServer.Basic("anna", "pear");
    private static readonly string Ben = UsersServer.Basic("ben", "plum");

    // Every operation, below the name of a store.
    private static readonly (string Method, string Target, string? Body)[] Operations =
    [
        ("GET", "", null), ("GET", "/", null), ("GET", "//", null), ("HEAD", "", null), ("HEAD", "/", null),
        ("GET", "/data/a", null), ("GET", "/data/missing", null), ("HEAD", "/data/a", null), ("HEAD", "/data", null), ("GET", "/data/", null),
        ("GET", "/?prefix=d", null), ("GET", "/?cmd=tree", null), ("GET", "/data/?cmd=tree", null), ("GET", "/?cmd=temporaries&age=0", null),
        ("POST", "/data/new", "x"), ("POST", "/data/a", "x"), ("POST", "/data/dir?cmd=mkdir", ""), ("POST", "/?cmd=mkdir", ""),
        ("POST", "/?cmd=move&current=data/a&new=data/b", ""), ("POST", "/data/a?cmd=hash&algorithm=sha256", ""),
        ("POST", "/?cmd=defrag&algorithm=sha256&namespace=data&levels=0", """[["data/a", 0, 1]]"""), ("POST", "/?cmd=gather", """[["data/a", 0, 1]]"""),
        ("POST", "/?cmd=quota", ""), ("POST", "/?cmd=flush", ""), ("POST", "/?cmd=unknown", ""),
        ("DELETE", "/data/a", null), ("DELETE", "/data/missing", null), ("DELETE", "/data?cmd=rmdir", null), ("DELETE", "/?cmd=temporary&id=data/x.tmp&mtime=1", null),
        ("POST", "/..%2fx", "x"), ("GET", "/../ben/data/a", null), ("GET", "/./data/a", null),
        ("DELETE", "/?cmd=destroy", null), ("DELETE", "?cmd=destroy", null),
    ];

    [Theory]
    [InlineData("""{ "users": { "anna": { "stores": { "annas": "all" } }, "ben": { "stores": { "bens": "all" } } } }""", 1, "bens", "annas")]
    [InlineData("""{ "users": { "anna": { "stores": { "a*": "all" } }, "ben": { "stores": { "bens": "all", "missing": "none" } } } }""", 1, "bens", "annas")]
    [InlineData("""{ "privateRepositories": true }""", 2, "ben/home", "anna/home")]
    [InlineData("""{ "privateRepositories": true, "users": { "anna": { "stores": { "*": "all" } } } }""", 2, "ben/home", "anna/home")]
    public async Task A_store_of_another_user_answers_like_a_missing_one(string rights, int depth, string foreign, string own)
    {
        await using var server = await UsersServer.StartAsync(rights, Passwords, options => options with { Depth = depth });
        server.MakeStore(foreign, ("data/a", "secret"), ("data/x.tmp", "secret"));
        server.MakeStore(own, ("data/a", "value"));
        var missing = depth == 1 ? "missing" : "missing/home";
        var before = server.ListAll();
        using var client = server.Connect();
        Assert.Equal("value", client.Exchange("GET", $"/{own}/data/a", Anna).Text);
        Assert.Equal("secret", client.Exchange("GET", $"/{foreign}/data/a", Ben).Text);

        foreach (var (method, target, body) in Operations)
        {
            var bytes = body is null ? null : Encoding.UTF8.GetBytes(body);
            var there = client.Exchange(method, $"/{foreign}{target}", Anna, bytes);
            var absent = client.Exchange(method, $"/{missing}{target}", Anna, bytes);
            Assert.True(there.Status >= 400, $"{method} {target}: {there.Status}");
            Assert.Equal((absent.Status, absent.Text), (there.Status, there.Text));
            Assert.Equal(Headers(absent), Headers(there));
        }
        // Nor by creating: an existing one is not "already there".
        foreach (var name in new[] { foreign, missing })
        {
            var answer = client.Exchange("POST", $"/{name}/?cmd=create", Anna, []);
            Assert.Equal((403, "You may not create a store of this name."), (answer.Status, answer.Text));
        }
        Assert.Equal(before, server.ListAll().Where(path => !path.EndsWith(".hid", StringComparison.Ordinal)));

        static IEnumerable<string> Headers(RawAnswer answer) => answer.Headers.Where(header => header.Key != "Date").Select(header => $"{header.Key}: {header.Value}").Order(StringComparer.Ordinal);
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "/home")]
    public async Task Private_stores_are_for_the_user_of_exactly_that_name(int depth, string below)
    {
        Dictionary<string, string> passwords = new() { ["anna"] = "pear", ["Anna"] = "plum", ["anna@b.org"] = "fig", ["\u00e4nne"] = "date" };
        await using var server = await UsersServer.StartAsync(null, passwords, options => options with { Depth = depth, PrivateRepositories = true });
        using var client = server.Connect();
        foreach (var (user, password) in passwords)
            foreach (var owner in passwords.Keys)
                Assert.Equal((user == owner ? 200 : 403, user, owner),
                    (client.Exchange("POST", $"/{Uri.EscapeDataString(owner)}{below}/?cmd=create", UsersServer.Basic(user, password), []).Status, user, owner));
    }

    [Fact]
    public async Task A_missing_store_that_a_user_may_have_answers_in_the_same_words()
    {
        await using var server = await UsersServer.StartAsync("""{ "users": { "anna": { "stores": { "mine": "all" } } } }""", Passwords);
        server.MakeStore("bens");
        using var client = server.Connect();
        foreach (var (method, target) in new[] { ("GET", "/"), ("GET", "/data/a"), ("HEAD", "/"), ("DELETE", "/data/a"), ("DELETE", "/?cmd=destroy") })
        {
            var (mine, foreign) = (client.Exchange(method, "/mine" + target, Anna), client.Exchange(method, "/bens" + target, Anna));
            Assert.Equal((410, mine.Text), (foreign.Status, foreign.Text));
            Assert.Equal(410, mine.Status);
        }
    }

    [Fact]
    public async Task A_move_stays_within_the_store()
    {
        await using var server = await UsersServer.StartAsync("""{ "users": { "anna": { "stores": { "annas": "all" } } } }""", Passwords);
        server.MakeStore("annas", ("data/a", "value"));
        server.MakeStore("bens", ("data/a", "secret"));
        using var client = server.Connect();
        foreach (var name in new[] { "../bens/data/a", "/bens/data/a", "..%2fbens/data/a", "..%5cbens/data/a" })
        {
            Assert.Equal(400, client.Exchange("POST", $"/annas/?cmd=move&current={name}&new=data/stolen", Anna, []).Status);
            Assert.Equal(400, client.Exchange("POST", $"/annas/?cmd=move&current=data/a&new={name}", Anna, []).Status);
        }
        Assert.Equal("secret", await File.ReadAllTextAsync(Path.Combine(server.Root, "bens", "data", "a"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_user_with_the_name_of_a_path_gets_nothing_of_others()
    {
        await using var server = await UsersServer.StartAsync("""{ "privateRepositories": true }""",
            new Dictionary<string, string> { ["anna"] = "pear", ["anna/b"] = "fig", ["."] = "fig", [".."] = "fig", ["*"] = "fig" }, options => options with { Depth = 3 });
        server.MakeStore("anna/b/c", ("a", "secret"));
        using var client = server.Connect();
        Assert.Equal(200, client.Exchange("GET", "/anna/b/c/a", Anna).Status);
        foreach (var user in new[] { "anna/b", ".", "..", "*" })
            Assert.Equal(410, client.Exchange("GET", "/anna/b/c/a", UsersServer.Basic(user, "fig")).Status);
    }
}
