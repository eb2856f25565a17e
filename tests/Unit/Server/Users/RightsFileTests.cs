using BorgStore.Security;
using BorgStore.Server;
using BorgStore.Server.Access;

namespace BorgStore.Tests.Server.Users;

/// <summary>The rights file, the users file, and what follows from them.</summary>
public sealed class RightsFileTests
{
    [Fact]
    public void The_first_rule_about_a_store_decides_the_users_own_before_those_of_groups()
    {
        var rights = Parse("""
            {
              "users": { "anna": { "stores": { "photos": "read-only", "photo*": "all", "secret": "none" } }, "root": { "admin": true } },
              "groups": { "team": { "members": ["anna", "ben"], "stores": { "photos": "all", "secret": "all", "shared": { "": "lr", "in": "lrw" } } },
                          "admins": { "members": ["carl"], "admin": true } },
              "stores": { "photos": { "quota": 1000 }, "*": { "quota": 5 } }
            }
            """);
        Assert.Equal(AccessRights.List | AccessRights.Read, Get("anna", "photos"));
        Assert.Equal(PermissionMap.ParseRights("lrwWD"), Get("anna", "photo-2"));
        Assert.Null(Get("anna", "secret"));
        Assert.Equal(PermissionMap.ParseRights("lrw"), rights.Find("anna", "shared").Permissions!.GetRights("in"));
        Assert.Equal(PermissionMap.ParseRights("lrwWD"), Get("ben", "photos"));
        Assert.Null(Get("ben", "photo-2"));
        Assert.Null(Get("stranger", "photos"));
        Assert.Null(Get(null, "photos"));
        Assert.Equal(PermissionMap.ParseRights("lrwWD"), Get("root", "anything"));
        Assert.Equal(PermissionMap.ParseRights("lrwWD"), Get("carl", "secret"));
        Assert.Equal((1000, 5), (rights.GetQuota("photos"), rights.GetQuota("other")));

        // Null if the store is hidden.
        AccessRights? Get(string? user, string store) => rights.Find(user, store) switch
        {
            { IsVisible: false } => null,
            { Permissions: { } map } => map.GetRights("data"),
            _ => PermissionMap.ParseRights("lrwWD"),
        };
    }

    [Theory]
    [InlineData("team/*", "team/a", true)]
    [InlineData("team/*", "team", false)]
    [InlineData("team/*", "teams/a", false)]
    [InlineData("t*", "team", true)]
    [InlineData("t*", "team/a", false)]
    [InlineData("*/a", "team/a", true)]
    [InlineData("a?", "ab", true)]
    [InlineData("a?", "a", false)]
    [InlineData("a.b", "axb", false)]
    [InlineData("*", "team/a", true)]
    public void A_pattern_matches_element_by_element(string pattern, string store, bool matches)
        => Assert.Equal(matches, new StoreRule<int>(pattern, 0).Matches(store));

    [Theory]
    [InlineData("{\n \"users\": {\n  \"anna\": { \"store\": {} } } }", "line 3: there is no property 'store' here. Allowed are stores, admin")]
    [InlineData("{ \"user\": {} }", "line 1: there is no property 'user' here. Allowed are groups, users, tokens, stores, privateRepositories, appendOnly")]
    [InlineData("{ \"users\": { \"anna\": { \"quota\": 1 } } }", "A quota is set per store")]
    [InlineData("{ \"users\": { \"anna\": { \"stores\": {\n \"photos\": \"al\" } } } }", "line 2: 'al' is not one of all, no-delete")]
    [InlineData("{ \"users\": { \"anna\": { \"stores\": { \"photos\": { \"\": \"lx\" } } } } }", "'x' in the permissions 'lx'")]
    [InlineData("{ \"users\": { \"anna\": { \"stores\": { \"pho tos\": \"all\" } } } }", "'pho tos' matches no store")]
    [InlineData("{ \"users\": { \"anna\": { \"stores\": { \"../x\": \"all\" } } } }", "'../x' matches no store")]
    [InlineData("{ \"users\": { \"anna\": { \"stores\": { \"a/b\": \"all\" } } } }", "its number of path elements is 2 and '--depth' is 1")]
    [InlineData("{ \"users\": { \"anna\": { \"admin\": \"yes\" } } }", "'admin' is neither true nor false")]
    [InlineData("{ \"users\": { \"anna\": {}, \"anna\": {} } }", "'anna' is there twice")]
    [InlineData("{ \"users\": { \"a:b\": {} } }", "contains a ':'")]
    [InlineData("{ \"users\": [] }", "an object, { … }, is expected here")]
    [InlineData("{ \"groups\": { \"team\": { \"members\": \"anna\" } } }", "'members' is not a list")]
    [InlineData("{ \"stores\": { \"photos\": { \"quota\": \"1 GB\" } } }", "'quota' is not a number of bytes")]
    [InlineData("{ \"stores\": { \"photos\": { \"quota\": -1 } } }", "'quota' is not a number of bytes")]
    [InlineData("{ \"tokens\": { \"job\": {} } }", "the token 'job' has no 'sha256'")]
    [InlineData("{ \"tokens\": { \"job\": { \"sha256\": \"abc\" } } }", "'sha256' is not 64 hexadecimal digits")]
    [InlineData("{\n\"users\": {}\n\n,,", "line 4: it is no JSON")]
    [InlineData("", "line 1: it is no JSON")]
    [InlineData("{} {}", "it is no JSON")]
    [InlineData("{ // comment\n }", "it is no JSON")]
    public void A_mistake_is_named_with_its_line_and_what_is_allowed(string text, string expected)
    {
        var refused = Assert.Throws<StoreException>(() => RightsCheck.Parse(text, "rights.json", new() { Root = Path.GetTempPath() }));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Append_only_lets_new_values_in_and_keeps_all_others()
    {
        var rights = Parse("""{ "appendOnly": true, "users": { "anna": { "stores": { "a": "all", "b": "read-only", "c": { "": "lrWD" } } } } }""");
        var all = rights.Find("anna", "a").Permissions!;
        foreach (var name in new[] { "", "packs/ab", "data/ab", "keys/x", "archives/x", "anything" })
            Assert.Equal(PermissionMap.ParseRights("lrw"), all.GetRights(name));
        // A client could not lock or cache otherwise.
        Assert.Equal(PermissionMap.ParseRights("lrwD"), all.GetRights("locks/x"));
        Assert.Equal(PermissionMap.ParseRights("lrwWD"), all.GetRights("cache/x"));
        Assert.Equal(PermissionMap.ParseRights("lr"), rights.Find("anna", "b").Permissions!.GetRights("packs/ab"));
        Assert.Equal(PermissionMap.ParseRights("lrw"), rights.Find("anna", "c").Permissions!.GetRights("packs/ab"));
    }

    [Fact]
    public async Task A_quota_of_a_store_applies_and_changes_with_the_file()
    {
        await using var server = await UsersServer.StartAsync("""{ "users": { "anna": { "stores": { "*": "all" } } }, "stores": { "small": { "quota": 10 } } }""",
            new Dictionary<string, string> { ["anna"] = "pear" });
        var anna = UsersServer.Basic("anna", "pear");
        server.MakeStore("small");
        server.MakeStore("large");
        using var client = server.Connect();
        Assert.Equal(507, client.Exchange("POST", "/small/a", anna, new byte[11]).Status);
        Assert.Equal(200, client.Exchange("POST", "/small/a", anna, new byte[10]).Status);
        Assert.Equal(507, client.Exchange("POST", "/small/b", anna, new byte[1]).Status);
        Assert.Equal("""{"limit": 10, "usage": 10}""", client.Exchange("POST", "/small/?cmd=quota", anna, []).Text);
        Assert.Equal(200, client.Exchange("POST", "/large/a", anna, new byte[100]).Status);
        File.WriteAllText(server.RightsPath, """{ "users": { "anna": { "stores": { "*": "all" } } }, "stores": { "small": { "quota": 1000 } } }""");
        await ServerProcess.WaitUntilAsync(() => client.Exchange("POST", "/small/b", anna, new byte[100]).Status == 200, () => server.Log);
    }

    [Theory]
    [InlineData("anna:$apr1$abcdefgh$abcdefghijklmnopqrstuv", "the password of 'anna' on line 1 is MD5")]
    [InlineData("# comment\nanna:$6$salt$hash", "line 2 is crypt with SHA-2")]
    [InlineData("anna:abJnggxhB/yWI", "neither bcrypt nor {SHA}")]
    [InlineData("anna:{SHA}abc", "is not the base64 of a SHA-1")]
    [InlineData("anna:$2y$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefg", "work factor is not between")]
    [InlineData("anna", "line 1 is not of the form NAME:HASH")]
    [InlineData(":{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "line 1 is not of the form NAME:HASH")]
    [InlineData("anna:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\nanna:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "'anna' on line 2 is there twice")]
    public void A_password_that_cannot_be_used_is_refused_with_what_to_do(string text, string expected)
    {
        var refused = Assert.Throws<StoreException>(() => PasswordFile.Parse(text, "users"));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        if (expected.Contains("MD5", StringComparison.Ordinal)) Assert.Contains("user set", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("abJnggxhB", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hashes_of_htpasswd_are_verified()
    {
        // htpasswd -nbB and -nbs with the password "myPassword".
        var file = PasswordFile.Parse("# users\r\nsha:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\r\n\r\nbcrypt:" + UsersServer.Hash("myPassword").Replace("$2a$", "$2y$", StringComparison.Ordinal) + "\n", "users");
        Assert.Equal(["sha", "bcrypt"], file.Users);
        foreach (var user in file.Users)
        {
            Assert.True(PasswordHash.Verify("myPassword", file.FindHash(user)!), user);
            Assert.False(PasswordHash.Verify("myPassworD", file.FindHash(user)!), user);
            Assert.False(PasswordHash.Verify(new string('x', PasswordHash.MaxPasswordLength + 1), file.FindHash(user)!), user);
        }
        Assert.Null(file.FindHash("other"));
    }

    [Fact]
    public void Refusing_an_unknown_user_costs_as_much_as_one_of_the_users()
    {
        var file = PasswordFile.Parse("quick:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\nslow:" + UsersServer.Hash("myPassword"), "users");
        var decoys = Enumerable.Range(0, 200).ToDictionary(i => $"other{i}", i => file.FindDecoy($"other{i}"));
        Assert.InRange(decoys.Values.Count(hash => hash == file.FindHash("quick")), 50, 150);
        Assert.InRange(decoys.Values.Count(hash => hash == file.FindHash("slow")), 50, 150);
        var reloaded = PasswordFile.Parse("quick:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\nslow:" + file.FindHash("slow"), "users");
        Assert.All(decoys, decoy => Assert.Equal(decoy.Value, reloaded.FindDecoy(decoy.Key)));
        Assert.Null(PasswordFile.Parse("", "users").FindDecoy("other"));
    }

    private static Rights Parse(string text) => RightsCheck.Parse(text, "rights.json", new ServerOptions { Root = Path.GetTempPath() });
}
