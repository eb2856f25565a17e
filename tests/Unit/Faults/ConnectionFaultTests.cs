using System.Net;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Ssh;
using BorgStore.Layout;
using BorgStore.Tests.Answers;
using BorgStore.Tests.Rclone;
using BorgStore.Tests.Rest;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.Faults;

/// <summary>Errors about unreachable stores are the same for every backend.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class ConnectionFaultTests(CephServer ceph) : IDisposable
{
    private const string Secret = "hunter2hunter2";
    private static readonly string[] Variables = [SshCommand.ProgramVariable, "RCLONE_BINARY", "PATH"];
    private readonly string?[] _values = [.. Variables.Select(Environment.GetEnvironmentVariable)];

    public static TheoryData<string> Closed =>
    [
        "http://127.0.0.1:1/store", $"http://me:{Secret}@127.0.0.1:1/store", "sftp://127.0.0.1:1/store", "rest://127.0.0.1:1/store",
        $"s3:key:{Secret}@http://127.0.0.1:1/bucket/store", "rclone::webdav,url='http://127.0.0.1:1',vendor=other:store",
    ];

    public static TheoryData<string> Missing => ["sftp://host/store", "rest:///store", "rclone:/srv/store"];

    public static TheoryData<string> Wrong =>
    [
        "file:store", $"http://me:{Secret}@ho st/", "http+unix://nowhere", "rest://", $"sftp://me:{Secret}@host", "sftp://host",
        $"s3:key:{Secret}@nowhere/bucket", "rclone:", $"gopher://me:{Secret}@host/store", "/srv/store",
    ];

    public void Dispose()
    {
        foreach (var (variable, value) in Variables.Zip(_values)) Environment.SetEnvironmentVariable(variable, value);
    }

    [Theory, MemberData(nameof(Closed))]
    public async Task An_unreachable_server_reports_ConnectionLost(string url)
    {
        if (url.StartsWith("rclone:", StringComparison.Ordinal)) RcloneProgram.Require();
        if (url.Split(':')[0] is "sftp" or "rest") Wine.Skip("it has no ssh.");
        var text = await FailAsync(StoreError.ConnectionLost, url);
        Assert.StartsWith($"Could not open the store '{StoreUrl.Redact(url)}': the connection was lost or could not be established. ", text, StringComparison.Ordinal);
        Assert.EndsWith(" Check the address, the network and the server.", text, StringComparison.Ordinal);
        Assert.Contains("Connection refused", text, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(2, text.Split("Check the address").Length);
    }

    [Theory]
    [InlineData("sftp")]
    [InlineData("rest")]
    public async Task An_unknown_host_key_is_explained(string scheme)
    {
        var sshd = OpenSshServer.Instance;
        Assert.SkipWhen(sshd.Missing is not null, sshd.Missing ?? "");
        Environment.SetEnvironmentVariable(SshCommand.ProgramVariable,
            $"ssh -F none -p {sshd.Port} -o BatchMode=yes -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes");
        var text = await FailAsync(StoreError.AuthenticationFailed, $"{scheme}://127.0.0.1:{sshd.Port}/store");
        Assert.Contains($"No connection to '127.0.0.1:{sshd.Port}' could be established; ssh says: ", text, StringComparison.Ordinal);
        Assert.Contains("The server's host key is not known. Connect once with ssh", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_encrypted_rclone_configuration_is_explained()
    {
        RcloneProgram.Require();
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.Combine("rclone.conf"), "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\n" + new string('A', 60) + "AAAA\n");
        await WithRcloneAsync(folder.Combine("rclone.conf"), async () =>
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => Store.OpenAsync(new("rclone:remote:store") { Layout = StoreLayout.Borg2 }));
            Assert.Equal(StoreError.AuthenticationFailed, error.Error);
            Assert.Contains("RCLONE_CONFIG_PASS", error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task An_rclone_remote_that_is_not_configured_is_explained()
    {
        RcloneProgram.Require();
        using var folder = new TemporaryFolder();
        await WithRcloneAsync(folder.Combine("rclone.conf"), async () =>
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => Store.OpenAsync(new("rclone:nope:foo") { Layout = StoreLayout.Borg2 }));
            Assert.Equal(StoreError.InvalidUrl, error.Error);
            Assert.StartsWith("Could not open the store 'rclone:nope:foo': the URL is wrong for this storage. Didn't find section in config file. Configure the remote", error.Message, StringComparison.Ordinal);
        });
    }

    private static async Task WithRcloneAsync(string configuration, Func<Task> act)
    {
        await RcloneBackend.StopSharedProcessAsync();
        Environment.SetEnvironmentVariable("RCLONE_CONFIG", configuration);
        try
        {
            await act();
        }
        finally
        {
            Environment.SetEnvironmentVariable("RCLONE_CONFIG", null);
            await RcloneBackend.StopSharedProcessAsync();
        }
    }

    [Theory, MemberData(nameof(Missing))]
    public async Task A_missing_program_is_explained(string url)
    {
        Environment.SetEnvironmentVariable(SshCommand.ProgramVariable, "/no/such/program");
        Environment.SetEnvironmentVariable("RCLONE_BINARY", "/no/such/program");
        Environment.SetEnvironmentVariable("PATH", "/no/such/folder");
        await RcloneBackend.StopSharedProcessAsync();
        var program = url.StartsWith("rest:", StringComparison.Ordinal) ? "borgstore-server-rest" : "/no/such/program";
        var why = OperatingSystem.IsWindows() ? @"[\w ]+" : "No such file or directory";
        Assert.Matches(
            $"^Could not open the store '{url}': the operation is not supported here. The program '{program}' could not be started: {why}. Install ",
            await FailAsync(StoreError.NotSupported, url));
    }

    [Theory, MemberData(nameof(Wrong))]
    public async Task An_invalid_URL_is_explained(string url)
        => Assert.StartsWith($"'{StoreUrl.Redact(url)}' is not the URL of a store", await FailAsync(StoreError.InvalidUrl, url), StringComparison.Ordinal);

    [Fact]
    public async Task A_wrong_password_reports_AuthenticationFailed()
    {
        await using var server = await TestServer.StartAsync(options => options with { Username = "me", Password = "right" });
        var running = await ceph.GetAsync();
        string[] urls =
        [
            $"http://me:{Secret}@{server.Address.Authority}",
            $"s3:{running.AccessKey}:{Secret}@{running.Endpoint.GetLeftPart(UriPartial.Authority)}/{CephServer.BucketName}/store",
        ];
        foreach (var url in urls)
            Assert.StartsWith($"Could not open the store '{StoreUrl.Redact(url)}': the authentication failed. ", await FailAsync(StoreError.AuthenticationFailed, url), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_client_key_reports_AuthenticationFailed()
    {
        var sshd = OpenSshServer.Instance;
        Assert.SkipWhen(sshd.Missing is not null, sshd.Missing ?? "");
        var url = $"sftp://{Environment.UserName}@127.0.0.1:{sshd.Port}/store";
        Environment.SetEnvironmentVariable(SshCommand.ProgramVariable,
            $"ssh -F none -o IdentitiesOnly=yes -o IdentityAgent=none -o IdentityFile=/no/such/key -o UserKnownHostsFile={sshd.KnownHosts}");
        Assert.StartsWith($"Could not open the store '{url}': the authentication failed. ", await FailAsync(StoreError.AuthenticationFailed, url), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://store.invalid/x", StoreError.ConnectionLost)]
    [InlineData("http://store.invalid/x", StoreError.AuthenticationFailed)]
    [InlineData($"s3:key:{Secret}@https://store.invalid/bucket/x", StoreError.ConnectionLost)]
    [InlineData($"s3:key:{Secret}@http://store.invalid/bucket/x", StoreError.AuthenticationFailed)]
    public async Task A_proxy_that_rejects_the_request_is_named_without_its_password(string url, StoreError error)
    {
        await using var proxy = new ScriptedHttp(_ => ScriptedHttp.Http("407 Proxy Authentication Required\nProxy-Authenticate: Basic realm=\"proxy\""));
        using var settings = new ProxySettings(proxy.Url.Replace("http://", $"http://corp:{Secret}@", StringComparison.Ordinal));
        Assert.Contains(proxy.Url, await FailAsync(error, url), StringComparison.Ordinal);
        Assert.Contains(proxy.Requests, request => request.Head.Contains("Proxy-Authorization: Basic ", StringComparison.Ordinal));
        // Once without the password and once with it, but not again after the refusal.
        Assert.InRange(proxy.Requests.Count, 1, 2);
    }

    [Theory]
    [InlineData("http://localhost/store")]
    [InlineData($"s3:key:{Secret}@http://localhost/bucket/store")]
    public async Task A_TLS_server_that_drops_plain_HTTP_is_not_retried(string url)
    {
        using var folder = new TemporaryFolder();
        TestCertificate.Write(folder.Combine("cert.pem"), "localhost");
        await using var server = new TlsFront(folder.Combine("cert.pem"), new("http://localhost:1"));
        var text = await FailAsync(StoreError.ConnectionLost, url.Replace("localhost", $"localhost:{server.Port}", StringComparison.Ordinal));
        Assert.Contains($"Port {server.Port} expects TLS. Use 'https:'", text, StringComparison.Ordinal);
        // The runtime itself retries a request, and then the client probes for TLS.
        Assert.InRange(server.ConnectionCount, 2, 6);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/store")]
    [InlineData($"s3:key:{Secret}@http://localhost:1/bucket/store")]
    public async Task Connections_to_this_machine_bypass_the_proxy(string url)
    {
        await using var proxy = new ScriptedHttp(_ => ScriptedHttp.Http("407 Proxy Authentication Required"));
        using var settings = new ProxySettings(proxy.Url);
        Assert.Contains("Connection refused", await FailAsync(StoreError.ConnectionLost, url), StringComparison.Ordinal);
        Assert.Empty(proxy.Requests);
    }

    // Sets the proxy that the runtime would read from the variables when a process starts.
    private sealed class ProxySettings : IDisposable
    {
        private static readonly string[] Names = ["http_proxy", "https_proxy"];
        private readonly IWebProxy _before = HttpClient.DefaultProxy;
        private readonly string?[] _values = [.. Names.Select(Environment.GetEnvironmentVariable)];

        public ProxySettings(string url)
        {
            foreach (var name in Names) Environment.SetEnvironmentVariable(name, url);
            object?[] made = [null];
            Type.GetType("System.Net.Http.HttpEnvironmentProxy, System.Net.Http", throwOnError: true)!.GetMethod("TryCreate")!.Invoke(null, made);
            HttpClient.DefaultProxy = (IWebProxy)made[0]!;
        }

        public void Dispose()
        {
            HttpClient.DefaultProxy = _before;
            foreach (var (name, value) in Names.Zip(_values)) Environment.SetEnvironmentVariable(name, value);
        }
    }

    // Secrets must not appear anywhere, not even in inner exceptions.
    private static async Task<string> FailAsync(StoreError error, string url)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(() => Store.OpenAsync(new(url) { Layout = StoreLayout.Borg2 }));
        TestContext.Current.TestOutputHelper?.WriteLine(exception.Message);
        Assert.Equal(error, exception.Error);
        Assert.Equal(StoreUrl.Redact(url), exception.Name);
        Assert.DoesNotContain(Secret, exception.ToString(), StringComparison.Ordinal);
        return exception.Message;
    }
}
