namespace BorgStore.Tests.Server;

/// <summary>nginx on a loopback port, with the configuration in deploy/.</summary>
internal sealed class TestNginx : IAsyncDisposable
{
    private const string Program = "/usr/sbin/nginx";
    private readonly ServerProcess _process;

    private TestNginx(ServerProcess process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    /// <summary>Starts nginx.</summary>
    /// <param name="folder">The folder for its files.</param>
    /// <param name="socket">The unix socket of the store under /repos/first.</param>
    public static async Task<TestNginx> StartAsync(string folder, string socket)
    {
        var port = TestPorts.FindFree();
        var stores = (await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "deploy", "nginx.conf")))
            .Replace("listen 443 ssl;", $"listen 127.0.0.1:{port};")
            .Replace("/run/borgstore/first.sock", socket);
        stores = string.Join('\n', stores.Split('\n').Where(line => !line.Contains("ssl_certificate", StringComparison.Ordinal)));
        return await StartAsync(folder, port, stores);
    }

    /// <summary>Starts nginx with a configuration.</summary>
    /// <param name="folder">The folder for its files.</param>
    /// <param name="port">A port named in the configuration.</param>
    /// <param name="stores">The content of the <c>http</c> section.</param>
    public static async Task<TestNginx> StartAsync(string folder, int port, string stores)
    {
        if (!File.Exists(Program)) Assert.Skip("There is no nginx. Install nginx-light.");
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "nginx.conf"), $$"""
            daemon off;
            pid {{folder}}/pid;
            error_log stderr;
            events { worker_connections 512; }
            http {
              access_log off;
              client_body_temp_path {{folder}}/body;
              proxy_temp_path {{folder}}/proxy;
              fastcgi_temp_path {{folder}}/fastcgi;
              uwsgi_temp_path {{folder}}/uwsgi;
              scgi_temp_path {{folder}}/scgi;
              {{stores}}
            }
            """);
        // Its workers run as another user, who needs access to the socket.
        var user = Environment.UserName == "root" ? "user root; " : "";
        var process = ServerProcess.Start(Program, ["-p", folder, "-c", Path.Combine(folder, "nginx.conf"), "-g", user + "error_log stderr;"]);
        await ServerProcess.WaitUntilAsync(() => TestPorts.IsOpen(port), () => process.Output, process.Process);
        return new(process, port);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
