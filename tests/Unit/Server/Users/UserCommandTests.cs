using System.Text;
using System.Text.Json;
using BorgStore.Server;
using BorgStore.Server.Access;
using BorgStore.Server.Management;

namespace BorgStore.Tests.Server.Users;

/// <summary>The commands of the program beside serving.</summary>
public sealed class UserCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string UsersFile => _folder.Combine("users");

    private string RightsFile => _folder.Combine("rights.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Users_are_added_changed_listed_and_removed()
    {
        User("pear\n", "add", "anna");
        User("plum", "add", "ben");
        Assert.Equal("anna\nben\n", User("", "list"));
        Assert.True(Verify("anna", "pear"));
        User("fig\n", "set", "anna");
        Assert.False(Verify("anna", "pear"));
        Assert.True(Verify("anna", "fig"));
        User("", "remove", "anna");
        Assert.Equal("ben\n", User("", "list"));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(UsersFile));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.tmp"));
    }

    [Fact]
    public void Mistakes_change_nothing()
    {
        User("pear", "add", "anna");
        var before = File.ReadAllText(UsersFile);
        foreach (var (input, args, expected) in new[]
        {
            ("fig", new[] { "add", "anna" }, "already exists"), ("fig", ["set", "ben"], "There is no user 'ben'"), ("fig", ["remove", "ben"], "There is no user 'ben'"),
            ("", ["add", "ben"], "There is no password on stdin"), ("fig", ["add", "b:en"], "contains a ':'"), ("fig", ["added", "ben"], "Write 'user add NAME'"),
            (new string('x', 73), ["add", "ben"], "longer than 72 bytes"), ("bst_x", ["add", "ben"], "begins like a token"),
        })
        {
            var refused = Assert.Throws<StoreException>(() => User(input, args));
            Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        }
        Assert.Throws<StoreException>(() => UserCommand.Run(["add", "ben", "--users", UsersFile, "--password", "fig"], TextReader.Null, TextWriter.Null));
        Assert.Equal(before, File.ReadAllText(UsersFile));
    }

    [Fact]
    public async Task Changes_at_the_same_time_are_all_kept()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => User("pear", "add", $"user{i}"))));
        Assert.Equal(8, User("", "list").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void Tokens_are_added_listed_and_removed_and_the_rest_of_the_file_stays()
    {
        File.WriteAllText(RightsFile, """{ "appendOnly": true, "users": { "anna": { "stores": { "*": "all" } } } }""");
        var secret = Token("add", "job", "--expires", "90d", "--stores", "photos=no-delete", "--stores", "other=all").Trim();
        Assert.StartsWith("bst_", secret, StringComparison.Ordinal);
        Assert.Equal(47, secret.Length);
        Assert.DoesNotContain(secret, File.ReadAllText(RightsFile), StringComparison.Ordinal);
        var rights = ReloadedFile<Rights>.Read(RightsFile, BorgStore.Server.Access.RightsFile.Parse);
        Assert.True(rights.AppendOnly);
        Assert.True(rights.Tokens["job"].Token!.Matches(secret));
        Assert.InRange(rights.Tokens["job"].Token!.Expires!.Value, DateTimeOffset.UtcNow.AddDays(89), DateTimeOffset.UtcNow.AddDays(91));
        Assert.True(rights.Find("job", "photos").IsVisible);
        Assert.False(rights.Find("job", "third").IsVisible);
        Assert.StartsWith("job\t", Token("list"), StringComparison.Ordinal);
        Assert.Contains("already exists", Assert.Throws<StoreException>(() => Token("add", "job")).Message, StringComparison.Ordinal);
        Assert.Contains("both a user and a token", Assert.Throws<StoreException>(() => Token("add", "anna")).Message, StringComparison.Ordinal);
        Assert.Contains("is not one of all", Assert.Throws<StoreException>(() => Token("add", "x", "--stores", "a=b")).Message, StringComparison.Ordinal);
        Token("remove", "job");
        Assert.Equal("", Token("list"));
    }

    [Fact]
    public void Rights_are_written_with_the_most_special_rule_first()
    {
        User("pear", "add", "anna", "--rights", RightsFile, "--stores", "*=read-only", "--stores", "mail-*=all");
        User("", "set", "anna", "--rights", RightsFile, "--keep-password", "--stores", "mail-in={\"\": \"lr\"}", "--stores", "photos=none", "--quota", "photos=100");
        Assert.True(Verify("anna", "pear"));
        var rights = ReadRights();
        Assert.Equal(["mail-in", "mail-*", "photos", "*"], rights.Users["anna"].Stores.Select(rule => rule.Stores));
        Assert.False(rights.Find("anna", "photos").IsVisible);
        Assert.Equal(100, rights.GetQuota("photos"));
        User("", "set", "anna", "--rights", RightsFile, "--keep-password", "--remove-stores", "mail-*", "--stores", "photos=all", "--admin");
        rights = ReadRights();
        Assert.Equal(["mail-in", "photos", "*"], rights.Users["anna"].Stores.Select(rule => rule.Stores));
        Assert.True(rights.IsAdmin("anna"));
        User("", "remove", "anna", "--rights", RightsFile);
        Assert.Empty(ReadRights().Users);
        Assert.Equal("", User("", "list"));
    }

    [Fact]
    public void Groups_are_joined_and_left()
    {
        File.WriteAllText(RightsFile, """{ "groups": { "a": { "members": ["ben"] }, "b": {} } }""");
        User("pear", "add", "anna", "--rights", RightsFile, "--group", "a", "--group", "b");
        Assert.Equal(["ben", "anna"], Members("a"));
        Assert.Equal(["anna"], Members("b"));
        User("", "set", "anna", "--rights", RightsFile, "--keep-password", "--group", "b");
        Assert.Equal(["ben"], Members("a"));
        Assert.Equal(["anna"], Members("b"));
        User("", "remove", "anna", "--rights", RightsFile);
        Assert.Empty(Members("b"));
        Assert.Contains("The groups are 'a', 'b'", Assert.Throws<StoreException>(() => User("fig", "add", "carl", "--rights", RightsFile, "--group", "c")).Message, StringComparison.Ordinal);
        Assert.Equal("", User("", "list"));

        IEnumerable<string> Members(string group) => ReadRights().Groups.Single(one => one.Name == group).Members;
    }

    [Fact]
    public void Users_and_tokens_are_listed_as_JSON_and_a_new_secret_once()
    {
        User("pear", "add", "anna", "--rights", RightsFile, "--stores", "photos=no-delete", "--quota", "photos=100");
        using var added = JsonDocument.Parse(Token("add", "jöb", "--expires", "2999-12-31", "--json"));
        var secret = added.RootElement[0].GetProperty("secret").GetString()!;
        Assert.True(ReadRights().Tokens["jöb"].Token!.Matches(secret));
        var text = User("", "list", "--rights", RightsFile, "--json");
        Assert.True(Ascii.IsValid(text));
        Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
        using var list = JsonDocument.Parse(text);
        Assert.Equal(["anna", "jöb"], list.RootElement.EnumerateArray().Select(user => user.GetProperty("name").GetString()));
        var rule = list.RootElement[0].GetProperty("stores")[0];
        Assert.Equal("no-delete", rule.GetProperty("permission").GetString());
        Assert.Equal(100, rule.GetProperty("quota").GetInt64());
        Assert.StartsWith("2999-12-31", list.RootElement[1].GetProperty("expires").GetString(), StringComparison.Ordinal);
        var renewed = User("", "set", "jöb", "--rights", RightsFile, "--keep-password", "--renew", "--expires", "none").Trim();
        var token = ReadRights().Tokens["jöb"].Token!;
        Assert.True(token.Matches(renewed));
        Assert.False(token.Matches(secret));
        Assert.Null(token.Expires);
    }

    [Fact]
    public void The_check_says_all_that_is_wrong()
    {
        Directory.CreateDirectory(_folder.Combine("root"));
        File.WriteAllText(UsersFile, "anna:plain\n");
        File.WriteAllText(RightsFile, "{ \"userz\": {} }");
        var (code, text) = Check("--root", _folder.Combine("missing"), "--users", UsersFile, "--rights", RightsFile, "--certificate", _folder.Combine("none.pem"), "--trusted-proxy", "x");
        Assert.Equal(2, code);
        foreach (var part in new[] { "is not a folder", "the password of 'anna'", "'userz'", "none.pem", "--trusted-proxy x" })
            Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.Equal(5, text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void The_check_passes_what_a_server_starts_with_and_mentions_likely_mistakes()
    {
        Directory.CreateDirectory(_folder.Combine("root"));
        User("pear", "add", "anna");
        File.WriteAllText(RightsFile, """{ "users": { "anna": {}, "bne": {} }, "groups": { "team": { "members": ["carl"] } } }""");
        var (code, text) = Check("--root", _folder.Combine("root"), "--users", UsersFile, "--rights", RightsFile, "--port", "0");
        Assert.Equal(0, code);
        Assert.Contains("warning: The rights name the user 'bne'", text, StringComparison.Ordinal);
        Assert.Contains("warning: The group 'team' has the member 'carl'", text, StringComparison.Ordinal);
        Assert.Contains("The server can start", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'--users' needs '--root DIR'", "--backend", "file:///x", "--users", "u")]
    [InlineData("can't be used with '--root'", "--root", "/x", "--backend", "file:///x")]
    [InlineData("Use '--rights FILE'", "--root", "/x", "--permissions", "all")]
    [InlineData("'--username' is for a server with one user", "--root", "/x", "--users", "u", "--username", "a", "--password", "b")]
    [InlineData("'--client-ca' needs '--certificate'", "--root", "/x", "--client-ca", "c")]
    [InlineData("'--private-repos' needs users", "--root", "/x", "--private-repos", "--depth", "2")]
    [InlineData("must be at least 1", "--root", "/x", "--depth", "0")]
    [InlineData("neither 'instead' nor 'also'", "--root", "/x", "--client-certificate", "maybe")]
    public void Options_that_do_not_fit_together_are_refused(string expected, params string[] args)
        => Assert.Contains(expected, Assert.Throws<StoreException>(() => CommandLine.Parse(args)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task The_program_has_the_commands()
    {
        await File.WriteAllTextAsync(_folder.Combine("password"), "pear\n", TestContext.Current.CancellationToken);
        foreach (var args in new[] { new[] { "user", "add", "anna", "--users", UsersFile, "--password-file", _folder.Combine("password") }, ["user", "list", "--users", UsersFile] })
        {
            await using var program = ServerProcess.Start(ServerProcess.OurServer, args);
            await program.Process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(program.Process.ExitCode == 0, program.Output);
        }
        Assert.True(Verify("anna", "pear"));
    }

    private Rights ReadRights() => ReloadedFile<Rights>.Read(RightsFile, BorgStore.Server.Access.RightsFile.Parse);

    private string User(string input, params string[] args)
    {
        var output = new StringWriter { NewLine = "\n" };
        UserCommand.Run([.. args, "--users", UsersFile], new StringReader(input), output);
        return output.ToString();
    }

    private string Token(params string[] args)
    {
        var output = new StringWriter { NewLine = "\n" };
        UserCommand.Run(["token", .. args, "--rights", RightsFile], TextReader.Null, output);
        return output.ToString();
    }

    private static (int Code, string Text) Check(params string[] args)
    {
        var output = new StringWriter { NewLine = "\n" };
        return (CheckCommand.Run(args, output), output.ToString());
    }

    private bool Verify(string user, string password)
        => ReloadedFile<PasswordFile>.Read(UsersFile, PasswordFile.Parse).FindHash(user) is { } hash && PasswordHash.Verify(password, hash);
}
