using System.Text.RegularExpressions;
using BorgStore.Backends.Rest;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.S3.Instances;

/// <summary>Several servers with the same stores in S3 and the same users, behind nginx with the configuration in deploy/.</summary>
internal sealed partial class ServerGroup : IAsyncDisposable
{
    /// <summary>The user who may do everything.</summary>
    public const string Writer = "writer";

    /// <summary>The user who may only read.</summary>
    public const string Reader = "reader";

    private const string Password = "pear";

    private readonly TemporaryFolder _folder = new();
    private readonly ServerProcess[] _servers;
    private readonly int[] _ports;
    private readonly Dictionary<string, string> _environment;
    private readonly string[] _arguments;
    private TestNginx? _nginx;

    private ServerGroup(CephServer.Running ceph, string path, int count)
    {
        _servers = new ServerProcess[count];
        _ports = [.. Enumerable.Range(0, count).Select(_ => TestPorts.FindFree())];
        // The secret key is on no command line.
        _environment = new()
        {
            ["AWS_ACCESS_KEY_ID"] = ceph.AccessKey,
            ["AWS_SECRET_ACCESS_KEY"] = ceph.SecretKey,
            ["AWS_EC2_METADATA_DISABLED"] = "true",
            ["AWS_CONFIG_FILE"] = "/no/such/file",
            ["AWS_SHARED_CREDENTIALS_FILE"] = "/no/such/file",
        };
        _arguments =
        [
            "--root", $"s3:{ceph.Endpoint.GetLeftPart(UriPartial.Authority)}/{CephServer.BucketName}/{path}",
            "--users", _folder.Combine("users"), "--rights", _folder.Combine("rights.json"), "--trusted-proxy", "127.0.0.1",
        ];
    }

    /// <summary>The number of servers.</summary>
    public int Count => _servers.Length;

    /// <summary>The number of servers killed so far.</summary>
    public int Kills { get; private set; }

    /// <summary>What the servers have written.</summary>
    public string Output => string.Join('\n', _servers.Select(server => server.Output));

    /// <summary>Starts servers, and nginx in front of them.</summary>
    /// <param name="ceph">The storage.</param>
    /// <param name="path">The path of the root in the bucket.</param>
    /// <param name="count">The number of servers.</param>
    public static async Task<ServerGroup> StartAsync(CephServer.Running ceph, string path, int count)
    {
        var group = new ServerGroup(ceph, path, count);
        await File.WriteAllLinesAsync(group._folder.Combine("users"), new[] { Writer, Reader }.Select(user => $"{user}:{BCrypt.Net.BCrypt.HashPassword(Password, 4)}"));
        group.SetPermissions("read-only");
        await Task.WhenAll(Enumerable.Range(0, count).Select(group.StartAsync));
        var port = TestPorts.FindFree();
        group._nginx = await TestNginx.StartAsync(group._folder.Combine("nginx"), port, await group.ReadConfigurationAsync(port));
        return group;
    }

    /// <summary>Creates a client of a store, by way of nginx.</summary>
    public RestBackend Connect(string store, string user = Writer) => Create(_nginx!.Port, store, user);

    /// <summary>Creates a client of a store on one server.</summary>
    public RestBackend Connect(int server, string store, string user = Writer) => Create(_ports[server], store, user);

    /// <summary>Returns the URL of a store, by way of nginx, with the password of <see cref="Writer"/>.</summary>
    public string GetUrl(string store) => $"http://{Writer}:{Password}@127.0.0.1:{_nginx!.Port}/{store}";

    /// <summary>Returns the URL of one server.</summary>
    public Uri GetUrl(int server) => new($"http://127.0.0.1:{_ports[server]}");

    /// <summary>Connects to one server.</summary>
    public RawClient ConnectRaw(int server) => RawClient.Connect(GetUrl(server));

    /// <summary>Changes the permissions of <see cref="Reader"/> for all servers.</summary>
    public void SetPermissions(string permissions)
    {
        var file = _folder.Combine("rights.json");
        File.WriteAllText(file + ".new", $$"""{ "users": { "{{Writer}}": { "admin": true }, "{{Reader}}": { "stores": { "*": "{{permissions}}" } } } }""");
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>Kills a server without warning, as a failure of its machine does.</summary>
    public async Task KillAsync(int server)
    {
        _servers[server].Process.Kill();
        await _servers[server].Process.WaitForExitAsync();
        await _servers[server].DisposeAsync();
        Kills++;
    }

    /// <summary>Starts a server, at the same address as before.</summary>
    public async Task StartAsync(int server)
        => (_servers[server], _) = await ServerProcess.StartOurServerAsync(_environment, ["--port", $"{_ports[server]}", .. _arguments]);

    public async ValueTask DisposeAsync()
    {
        if (_nginx is not null) await _nginx.DisposeAsync();
        foreach (var server in _servers) await server.DisposeAsync();
        _folder.Dispose();
    }

    private static RestBackend Create(int port, string store, string user) => new($"http://{user}:{Password}@127.0.0.1:{port}/{store}");

    private async Task<string> ReadConfigurationAsync(int port)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "deploy", "nginx-instances.conf"));
        var servers = 0;
        text = Server().Replace(text, _ => $"server 127.0.0.1:{_ports[servers++]}");
        Assert.Equal(Count, servers);
        return string.Join('\n', text.Replace("listen 443 ssl;", $"listen 127.0.0.1:{port};").Split('\n').Where(line => !line.Contains("ssl_certificate", StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"server 192\.0\.2\.\d+:5618")]
    private static partial Regex Server();
}
