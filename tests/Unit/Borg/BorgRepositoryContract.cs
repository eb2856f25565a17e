namespace BorgStore.Tests.Borg;

/// <summary>The life of a repository of the real Borg on our server, over one kind of connection.</summary>
public abstract class BorgRepositoryContract : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<IAsyncDisposable> _servers = [];

    private protected static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Environment variables that a client needs to reach the server.</summary>
    private protected virtual IReadOnlyDictionary<string, string> ClientEnvironment => new Dictionary<string, string>();

    /// <summary>Serves a store that does not exist yet.</summary>
    /// <param name="name">The store's name.</param>
    /// <returns>The store's URL for Borg.</returns>
    private protected abstract Task<string> ServeAsync(string name);

    /// <summary>Whether every run tests this connection with the most important commands of one client.</summary>
    private protected virtual bool IsTriedWithOne => true;

    /// <summary>Whether every run tests this connection with two clients at once.</summary>
    private protected virtual bool IsTriedWithTwo => true;

    /// <summary>Returns a path in the test's folder.</summary>
    private protected string PathOf(string name) => _folder.Combine(name);

    /// <summary>Registers a server to be stopped after the test.</summary>
    private protected T Keep<T>(T server) where T : IAsyncDisposable
    {
        _servers.Add(server);
        return server;
    }

    [Fact]
    public async Task The_most_important_Borg_commands_work_on_a_repository()
    {
        if (!IsTriedWithOne) LongTests.Require("The same is done over http with a token");
        var borg = await ConnectAsync();
        await borg.RunAsync(_folder.Path, "repo-create", "--encryption=aes256-ocb");
        SampleTree.Write(PathOf("tree"), seed: 1);
        var first = SampleTree.Describe(PathOf("tree"));
        await borg.RunAsync(_folder.Path, "create", "one", "tree");

        // A day later.
        await File.AppendAllTextAsync(PathOf("tree/large"), "and more", Ct);
        File.Delete(PathOf("tree/empty"));
        SampleTree.Write(PathOf("tree/new"), seed: 2);
        var second = SampleTree.Describe(PathOf("tree"));
        await borg.RunAsync(_folder.Path, "create", "two", "tree");

        Assert.Equal(["one", "two"], await NamesAsync(borg));
        Assert.Equal(second.Select(line => "tree/" + NameOf(line)).Append("tree").Order(StringComparer.Ordinal), await ListAsync(borg, "two"));
        await borg.RunAsync(_folder.Path, "check");
        Assert.Equal(first, await ExtractAsync(borg, "one", "tree"));

        await borg.RunAsync(_folder.Path, "delete", "one");
        await borg.RunAsync(_folder.Path, "compact");
        Assert.Equal(["two"], await NamesAsync(borg));
        Assert.Equal(second, await ExtractAsync(borg, "two", "tree"));
        await borg.RunAsync(_folder.Path, "check");

        await borg.RunAsync(_folder.Path, "repo-delete");
        await borg.AssertFailsAsync(BorgClient.NoRepository, "repo-info");
    }

    [Fact]
    public async Task Two_clients_can_back_up_and_restore_concurrently()
    {
        if (!IsTriedWithTwo) LongTests.Require("The same is done over http");
        var borg = await ConnectAsync();
        var other = borg.Beside(PathOf("other-home"));
        await borg.RunAsync(_folder.Path, "repo-create", "--encryption=aes256-ocb", "--id-hash=blake3");
        SampleTree.Write(PathOf("old"), seed: 1);
        await borg.RunAsync(_folder.Path, "create", "old", "old");
        SampleTree.Write(PathOf("one"), seed: 2, largest: 16 << 20);
        SampleTree.Write(PathOf("two"), seed: 3, largest: 16 << 20);

        await Task.WhenAll(
            borg.RunAsync(_folder.Path, "create", "one", "one"),
            other.RunAsync(_folder.Path, "create", "two", "two"),
            ExtractAsync(borg.Beside(PathOf("third-home")), "old", "old"));

        foreach (var name in new[] { "one", "two" })
            Assert.Equal(SampleTree.Describe(PathOf(name)), await ExtractAsync(name == "one" ? other : borg, name, name));
        await borg.RunAsync(_folder.Path, "check", "--verify-data");
        Assert.Equal(["old", "one", "two"], await NamesAsync(borg));
    }

    [Fact]
    public async Task All_Borg_commands_work_on_a_repository()
    {
        LongTests.Require("The short life has the commands that matter most");
        var borg = await ConnectAsync();
        await borg.RunAsync(_folder.Path, "repo-create", "--encryption=aes256-ocb", "--id-hash=blake3");
        SampleTree.Write(PathOf("tree"), seed: 1, largest: 60 << 20);
        var tree = SampleTree.Describe(PathOf("tree"));
        foreach (var name in new[] { "one", "two", "three" }) await borg.RunAsync(_folder.Path, "create", name, "tree");
        Assert.Contains("\"nfiles\": 154", string.Join('\n', await borg.RunAsync(_folder.Path, "info", "one", "--json")), StringComparison.Ordinal);
        await borg.RunAsync(_folder.Path, "check", "--verify-data");

        await borg.RunAsync(_folder.Path, "delete", "two");
        Assert.Equal(["one", "three"], await NamesAsync(borg));
        await borg.RunAsync(_folder.Path, "undelete", "two");
        Assert.Equal(["one", "three", "two"], await NamesAsync(borg));
        await borg.RunAsync(_folder.Path, "prune", "--keep=2", "--group-by=none");
        Assert.Equal(["three", "two"], await NamesAsync(borg));
        await borg.RunAsync(_folder.Path, "compact");
        await borg.RunAsync(_folder.Path, "rename", "two", "renamed");
        await borg.RunAsync(_folder.Path, "tag", "--add=kept", "renamed");
        Assert.Equal(["renamed kept"], await borg.RunAsync(_folder.Path, "repo-list", "--match-archives=renamed", "--format={name} {tags}{NL}"));
        Assert.Equal(tree, await ExtractAsync(borg, "renamed", "tree"));

        await borg.RunAsync(_folder.Path, "recreate", "--match-archives=three", "--exclude=tree/a");
        Assert.Equal(["tree", "tree/empty", "tree/large"], await ListAsync(borg, "three"));
        await borg.RunAsync(_folder.Path, "export-tar", "renamed", "renamed.tar");
        await borg.RunAsync(_folder.Path, "import-tar", "imported", "renamed.tar");
        // tar archives have whole seconds.
        Assert.Equal(tree.Select(WithoutTime), (await ExtractAsync(borg, "imported", "tree")).Select(WithoutTime));

        var related = borg.At(await ServeAsync("second"));
        await related.RunAsync(_folder.Path, "repo-create", "--encryption=aes256-ocb", "--id-hash=blake3", "--other-repo=" + borg.Repository);
        await related.RunAsync(_folder.Path, "transfer", "--other-repo=" + borg.Repository);
        Assert.Equal(["imported", "renamed", "three"], await NamesAsync(related));
        Assert.Equal(tree, await ExtractAsync(related, "renamed", "tree"));
        await related.RunAsync(_folder.Path, "check", "--verify-data");

        var stranger = borg.Beside(PathOf("other-home"));
        borg = await borg.ChangePassphraseAsync("second passphrase");
        Assert.Equal(["imported", "renamed", "three"], await NamesAsync(borg));
        await stranger.AssertFailsAsync(BorgClient.WrongPassphrase, "repo-list");
        await borg.RunAsync(_folder.Path, "compact");
        await borg.RunAsync(_folder.Path, "check", "--verify-data");
        Assert.Equal(tree, await ExtractAsync(borg, "renamed", "tree"));

        await borg.RunAsync(_folder.Path, "repo-delete");
        await borg.AssertFailsAsync(BorgClient.NoRepository, "repo-info");
        Assert.Equal(["imported", "renamed", "three"], await NamesAsync(related));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Enumerable.Reverse(_servers)) await server.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task<BorgClient> ConnectAsync() => new(PathOf("home"), await ServeAsync("first"), ClientEnvironment);

    private async Task<string[]> NamesAsync(BorgClient borg)
        => [.. (await borg.RunAsync(_folder.Path, "repo-list", "--format={name}{NL}")).Order(StringComparer.Ordinal)];

    private async Task<string[]> ListAsync(BorgClient borg, string archive)
        => [.. (await borg.RunAsync(_folder.Path, "list", archive, "--format={path}{NL}")).Order(StringComparer.Ordinal)];

    /// <summary>Extracts an archive into a folder of its own.</summary>
    /// <returns>The description of the given folder in it.</returns>
    private async Task<string[]> ExtractAsync(BorgClient borg, string archive, string folder)
    {
        var target = Directory.CreateDirectory(PathOf($"extracted-{Guid.NewGuid():n}")).FullName;
        await borg.RunAsync(target, "extract", archive);
        return SampleTree.Describe(Path.Combine(target, folder));
    }

    private static string NameOf(string line) => line[..line.IndexOf(": ", StringComparison.Ordinal)];

    private static string WithoutTime(string line) => line.Contains(", ", StringComparison.Ordinal) ? line[..line.LastIndexOf(", ", StringComparison.Ordinal)] : line;
}
