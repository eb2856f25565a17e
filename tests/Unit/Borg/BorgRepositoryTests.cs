using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Borg;

/// <summary>Over TCP to our server in a process of its own, with a folder as its storage.</summary>
public sealed class BorgOverHttpTests : BorgRepositoryContract
{
    private protected override bool IsTriedWithOne => false;

    private protected override async Task<string> ServeAsync(string name)
    {
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", new Uri(PathOf(name)).AbsoluteUri);
        Keep(server);
        return url;
    }
}

/// <summary>Over TCP to our server for many users, with a token, whose repositories are private.</summary>
public sealed class BorgWithTokenTests : BorgRepositoryContract
{
    private string? _root;

    private protected override bool IsTriedWithTwo => false;

    private protected override async Task<string> ServeAsync(string name)
    {
        _root ??= await StartAsync();
        return $"{_root}/nightly/{name}";
    }

    private async Task<string> StartAsync()
    {
        var (root, rights) = (PathOf("root"), PathOf("rights.json"));
        Directory.CreateDirectory(root);
        await using var adding = ServerProcess.Start(ServerProcess.OurServer, ["user", "token", "add", "nightly", "--rights", rights, "--expires", "1d"]);
        await adding.Process.WaitForExitAsync(Ct);
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--root", root, "--depth", "2", "--private-repos", "--rights", rights);
        Keep(server);
        return url.Replace("://", $"://nightly:{adding.Output.Trim()}@", StringComparison.Ordinal);
    }
}

/// <summary>Over ssh, with our server in place of <c>borg serve --rest</c>.</summary>
public sealed class BorgOverSshTests : BorgRepositoryContract
{
    private TestSshd? _sshd;

    private protected override bool IsTriedWithTwo => false;

    private protected override IReadOnlyDictionary<string, string> ClientEnvironment => new Dictionary<string, string>
    {
        ["BORGSTORE_RSH"] = _sshd!.ClientCommand,
        ["BORG_REMOTE_PATH"] = ServerProcess.OurServer,
    };

    private protected override async Task<string> ServeAsync(string name)
    {
        _sshd ??= Keep(await TestSshd.StartAsync(PathOf("sshd")));
        return $"ssh://{Environment.UserName}@127.0.0.1/{PathOf(name)}";
    }
}

/// <summary>Over TCP through nginx, below a base path, to our server on a unix socket.</summary>
public sealed class BorgThroughNginxTests : BorgRepositoryContract
{
    private protected override async Task<string> ServeAsync(string name)
    {
        LongTests.Require("The same is done over http and ssh");
        var socket = PathOf(name + ".sock");
        var server = Keep(ServerProcess.Start(ServerProcess.OurServer, ["--unix-socket", socket, "--backend", new Uri(PathOf(name)).AbsoluteUri]));
        await ServerProcess.WaitUntilAsync(() => server.Output.Contains("listening on", StringComparison.Ordinal), () => server.Output, server.Process);
        var nginx = Keep(await TestNginx.StartAsync(PathOf("nginx-" + name), socket));
        return $"http://127.0.0.1:{nginx.Port}/repos/first";
    }
}

/// <summary>Over TCP to our server with a bucket as its storage.</summary>
public sealed class BorgOnS3Tests(CephServer ceph) : BorgRepositoryContract
{
    private readonly string _run = Guid.NewGuid().ToString("n");

    private protected override async Task<string> ServeAsync(string name)
    {
        LongTests.Require("The same is done over http and ssh");
        var s3 = await ceph.GetAsync();
        var variables = new Dictionary<string, string> { ["BORGSTORE_SERVER_BACKEND"] = s3.UrlOf($"{_run}/{name}") };
        var (server, url) = await ServerProcess.StartOurServerAsync(variables, "--port", "0");
        Keep(server);
        return url;
    }
}
