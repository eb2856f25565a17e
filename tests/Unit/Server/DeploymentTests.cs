using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Server;
using BorgStore.Tests.Rest;

namespace BorgStore.Tests.Server;

/// <summary>The server as run by deploy/.</summary>
[Collection(nameof(EnvironmentTests))]
public sealed class DeploymentTests
{
    private const string Activator = "/usr/bin/systemd-socket-activate";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Systemd_passes_the_socket_and_the_password_and_is_notified_when_the_server_is_ready()
    {
        if (!File.Exists(Activator)) Assert.Skip("There is no systemd-socket-activate. Install systemd.");
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.Combine("borgstore.password"), "secret\n", Ct);
        using var notified = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notified.Bind(new UnixDomainSocketEndPoint(folder.Combine("notify.sock")));
        await using var server = ServerProcess.Start(Activator,
        [
            $"--listen={folder.Combine("s.sock")}", "-E", "PATH", "-E", "HOME", "-E", "DOTNET_ROOT", $"-E", $"CREDENTIALS_DIRECTORY={folder.Path}",
            "-E", "BORGSTORE_SERVER_USERNAME=backup", "-E", $"NOTIFY_SOCKET={folder.Combine("notify.sock")}",
            ServerProcess.OurServer, "--socket-activation", "--backend", folder.StoreUrl,
        ]);
        // The file is there before anything listens on it.
        await ServerProcess.WaitUntilAsync(() => server.Output.Contains("Listening on", StringComparison.Ordinal), () => server.Output, server.Process);

        await using (var client = new RestBackend("http+unix://" + Uri.EscapeDataString(folder.Combine("s.sock")), new BackendOptions { Credential = new("backup", "secret") }))
        {
            await client.CreateAsync(Ct);
            await client.OpenAsync(Ct);
            await client.StoreAsync("data/a", new byte[100_000], StoreMode.CreateNew, Ct);
        }
        Assert.True(File.Exists(folder.Combine("store", "data", "a")));
        var message = new byte[100];
        notified.ReceiveTimeout = 10_000;
        Assert.Equal("READY=1"u8.ToArray(), message[..notified.Receive(message)]);

        server.Terminate();
        Assert.True(server.Process.WaitForExit(20_000));
        Assert.Equal(0, server.Process.ExitCode);
        Assert.Equal("STOPPING=1"u8.ToArray(), message[..notified.Receive(message)]);
    }

    [Fact]
    public async Task A_forced_command_of_sshd_restricts_the_path_and_the_permissions()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.Combine("store", "data"));
        await File.WriteAllTextAsync(folder.Combine("store", "data", "a"), "value", Ct);
        await using var sshd = await TestSshd.StartAsync(folder.Combine("sshd"),
            $"borgstore-server-rest serve --rest --restrict-to-path {folder.Combine("store")} --permissions read-only");
        RestBackend Client(string path)
        {
            var url = $"rest://{Environment.UserName}@127.0.0.1/{folder.Combine(path)}";
            return new(RestAddress.Parse(url, remoteShell: sshd.ClientCommand), url);
        }

        await using (var client = Client("store"))
        {
            await client.OpenAsync(Ct);
            await using var value = await client.LoadAsync("data/a", ByteRange.Whole, Ct);
            Assert.Equal("value"u8.ToArray(), await value!.ReadToEndAsync(Ct));
            var refused = await Assert.ThrowsAsync<StoreException>(() => client.StoreAsync("data/b", new byte[10], StoreMode.Overwrite, Ct).AsTask());
            Assert.Equal(StoreError.PermissionDenied, refused.Error);
        }
        await using var stranger = Client("sshd");
        var lost = await Assert.ThrowsAsync<StoreException>(() => stranger.OpenAsync(Ct));
        Assert.Equal(StoreError.ConnectionLost, lost.Error);
        Assert.Contains("that this server may serve", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renewed_certificate_is_used_and_a_broken_one_is_ignored()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Combine("cert.pem");
        TestCertificate.Write(file, "first");
        await using var server = await InProcessServer.StartAsync(folder.Combine("store"), options => options with { Certificate = file });
        Assert.Equal("CN=first", await GetSubjectAsync(server.Url));
        TestCertificate.Write(file, "second");
        await Task.Delay(1100, Ct);
        Assert.Equal("CN=second", await GetSubjectAsync(server.Url));
        await File.WriteAllTextAsync(file, "half a file", Ct);
        await Task.Delay(1100, Ct);
        Assert.Equal("CN=second", await GetSubjectAsync(server.Url));
        Assert.Contains("cannot be read", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_without_its_key_is_rejected_at_startup()
    {
        using var folder = new TemporaryFolder();
        TestCertificate.Write(folder.Combine("cert.pem"), "first");
        TestCertificate.Write(folder.Combine("other.pem"), "second");
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(folder.Combine("cert.pem"));
        await File.WriteAllBytesAsync(folder.Combine("cert.pfx"), certificate.Export(X509ContentType.Pkcs12), Ct);
        await File.WriteAllBytesAsync(folder.Combine("none.pfx"), new X509Certificate2Collection().Export(X509ContentType.Pkcs12)!, Ct);
        await File.WriteAllTextAsync(folder.Combine("no-key.pem"), certificate.ExportCertificatePem(), Ct);
        foreach (var arguments in new[]
        {
            new[] { "--certificate", folder.Combine("cert.pfx") }, ["--certificate", folder.Combine("none.pfx")],
            ["--certificate", folder.Combine("no-key.pem")], ["--certificate", folder.Combine("missing.pem")],
            ["--certificate", folder.Combine("cert.pem"), "--certificate-key", folder.Combine("other.pem")],
        })
        {
            await using var server = ServerProcess.Start(ServerProcess.OurServer, ["--backend", folder.StoreUrl, "--port", "0", .. arguments]);
            Assert.True(server.Process.WaitForExit(20_000));
            await ServerProcess.WaitUntilAsync(() => server.Output.Length > 0, () => server.Output);
            Assert.Contains("certificate", server.Output, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("Unhandled", server.Output, StringComparison.Ordinal);
            Assert.Equal(1, server.Process.ExitCode);
        }
    }

    [Theory]
    [InlineData("would not protect the server", "--username", "u")]
    [InlineData("but no user", "--password", "p")]
    [InlineData("password is empty", "--username", "u", "--password", "")]
    [InlineData("password is empty", "--password", "", "--username", "u")]
    [InlineData("user name is empty", "--username", "", "--password", "p")]
    [InlineData("contains a ':'", "--username", "a:b", "--password", "p")]
    [InlineData("no rights", "--permissions", """{"": null}""")]
    [InlineData("no option '--nonsense'", "--nonsense", "1")]
    [InlineData("--port 99999", "--port", "99999")]
    [InlineData("Choose one of", "--stdio", "--unix-socket", "x")]
    [InlineData("none was passed", "--socket-activation")]
    [InlineData("no permission preset", "--permissions", "nonsense")]
    public async Task Contradictory_options_are_rejected_at_startup(string message, params string[] arguments)
    {
        await using var server = ServerProcess.Start(ServerProcess.OurServer, ["--backend", "file:///nowhere", .. arguments]);
        Assert.True(server.Process.WaitForExit(20_000));
        await ServerProcess.WaitUntilAsync(() => server.Output.Contains(message, StringComparison.Ordinal), () => server.Output);
        Assert.Equal(2, server.Process.ExitCode);
    }

    [Fact]
    public async Task The_options_in_the_example_for_Kubernetes_are_valid()
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(AppContext.BaseDirectory, "deploy", "kubernetes.yaml"), Ct);
        var options = CommandLine.Parse([.. lines.Select(line => line.Trim()).Where(line => line.StartsWith("- --", StringComparison.Ordinal)).Select(line => line[2..])]);
        Assert.StartsWith("s3:", options.Root, StringComparison.Ordinal);
        Assert.NotNull(options.RightsFile);
    }

    [Fact]
    public async Task A_password_on_the_command_line_causes_a_warning()
    {
        using var folder = new TemporaryFolder();
        var (server, _) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", folder.StoreUrl, "--username", "u", "--password", "p4ssw0rd");
        await using (server)
        {
            Assert.Contains("warn", server.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("p4ssw0rd", server.Output, StringComparison.Ordinal);
        }
    }

    private static async Task<string> GetSubjectAsync(string url)
    {
        var subject = "";
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => (subject = certificate!.Subject).Length > 0 };
        using var http = new HttpClient(handler);
        using var _ = await http.GetAsync(url + "/?cmd=health", Ct);
        return subject;
    }
}
