using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Ssh;
using BorgStore.Backends.SshNet;
using BorgStore.Tests.Server;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.SshNet;

/// <summary>Logins over SSH.NET, trust in host keys, and servers that are not what they should be.</summary>
public sealed class SshNetLoginTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SshServer _server = ParamikoServer.Instance;

    public SshNetLoginTests() => Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("password")]
    [InlineData("keyboard")]
    public async Task A_password_logs_in(string user)
    {
        await using var store = Create(user, ParamikoServer.Password);
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        await store.StoreAsync("data/a", new byte[] { 1, 2, 3 }, StoreMode.Overwrite, Ct);
        await using var value = await store.LoadAsync("data/a", default, Ct);
        Assert.Equal([1, 2, 3], await value!.ReadToEndAsync(Ct));
    }

    [Fact]
    public async Task An_empty_password_is_tried()
    {
        await using (var store = Create("empty", "")) await store.CreateAsync(Ct);
        await using var other = Create("password", "");
        Assert.Contains("refused the login (Permission denied (password)). The password is empty.", (await FailAsync(other, StoreError.AuthenticationFailed)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("password", "refused the login")]
    [InlineData("keyboard", "refused the login")]
    [InlineData("two", "asks for more than a password")]
    [InlineData("endless", "asks for more than a password")]
    public async Task A_refused_login_is_reported_without_the_password(string user, string words)
    {
        const string Wrong = "not-the-password";
        await using var store = Create(user, Wrong);
        var error = await FailAsync(store, StoreError.AuthenticationFailed);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Wrong, error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("secret", null)]
    [InlineData("wrong", "the passphrase is wrong")]
    [InlineData(null, "has a passphrase")]
    [InlineData("", "has a passphrase")]
    public async Task A_key_with_a_passphrase_logs_in(string? passphrase, string? problem)
    {
        var key = _folder.Combine("id");
        using (var process = Process.Start("ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", key])) await process.WaitForExitAsync(Ct);
        await using var store = Create("user", passphrase, keyFile: key);
        if (problem is null)
        {
            await store.CreateAsync(Ct);
            return;
        }
        var error = await FailAsync(store, StoreError.AuthenticationFailed);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_host_key_is_refused_and_its_fingerprint_is_shown()
    {
        await using var store = Create("password", ParamikoServer.Password, knownHosts: "");
        var error = await FailAsync(store, StoreError.AuthenticationFailed);
        Assert.Contains($"is not known: ssh-ed25519 {Fingerprint}. ", error.Message, StringComparison.Ordinal);
        Assert.Contains($"-HostKeyFingerprint {Fingerprint}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_host_key_is_refused()
    {
        var other = File.ReadAllText(Path.Combine(_server.Folder, "id.pub")).Split(' ');
        await using var store = Create("password", ParamikoServer.Password, knownHosts: $"[127.0.0.1]:{_server.Port} {other[0]} {other[1]}\n");
        var error = await FailAsync(store, StoreError.AuthenticationFailed);
        Assert.Contains("has changed", error.Message, StringComparison.Ordinal);
        Assert.Contains("known_hosts:1", error.Message, StringComparison.Ordinal);
        Assert.Contains($"ssh-keygen -R '[127.0.0.1]:{_server.Port}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_given_fingerprint_is_the_only_one_that_is_trusted(bool isRight)
    {
        await using var store = Create("password", ParamikoServer.Password, fingerprint: isRight ? Fingerprint : "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        if (isRight) await store.CreateAsync(Ct);
        else Assert.Contains("and not the given SHA256:AAAA", (await FailAsync(store, StoreError.AuthenticationFailed)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_SFTP_is_reported()
    {
        await using var store = Create("nosftp", null, keyFile: Path.Combine(_server.Folder, "id"));
        Assert.Contains("does not allow SFTP", (await FailAsync(store, StoreError.NotSupported)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", "refused")]
    [InlineData("no-such-host.invalid", "no such host")]
    public async Task An_unreachable_server_is_reported(string host, string words)
    {
        var login = new SshLogin(new SshTarget(host, "me", TestPorts.FindFree()) { ConnectTimeout = TimeSpan.FromSeconds(20), SilenceTimeout = TimeSpan.FromSeconds(20) })
        {
            Credential = new("me", "x"),
        };
        var error = await Assert.ThrowsAsync<StoreException>(() => SshNetTransport.ConnectAsync(login, Ct).AsTask());
        Assert.Equal(StoreError.ConnectionLost, error.Error);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("SSH-2.0-x\r\n")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    [InlineData("flood")]
    [InlineData("SSH-2.0-x\r\n\u007f\u007f\u007f\u007f")]
    public async Task A_server_that_speaks_something_else_is_left_in_time(string greeting)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var serving = ServeAsync(listener, greeting, stop.Token);
        var login = new SshLogin(new SshTarget("127.0.0.1", "me", ((IPEndPoint)listener.LocalEndpoint).Port) { ConnectTimeout = TimeSpan.FromSeconds(3), SilenceTimeout = TimeSpan.FromSeconds(3) })
        {
            Credential = new("me", "x"),
        };
        var error = await Assert.ThrowsAsync<StoreException>(() => SshNetTransport.ConnectAsync(login, Ct).AsTask()).WaitAsync(TimeSpan.FromSeconds(30), Ct);
        Assert.Equal(StoreError.ConnectionLost, error.Error);
        await stop.CancelAsync();
        await serving;
    }

    private string Fingerprint
    {
        get
        {
            var key = Convert.FromBase64String(File.ReadAllText(Path.Combine(_server.Folder, "host_ed25519.pub")).Split(' ')[1]);
            return $"SHA256:{Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(key)).TrimEnd('=')}";
        }
    }

    private static async Task ServeAsync(TcpListener listener, string greeting, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(stop);
                var stream = client.GetStream();
                if (greeting == "flood")
                {
                    var line = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(new string('x', 8190) + "\r\n", 8)));
                    while (true) await stream.WriteAsync(line, stop);
                }
                await stream.WriteAsync(Encoding.Latin1.GetBytes(greeting), stop);
                await Task.Delay(Timeout.Infinite, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
        {
            // The client has left.
        }
    }

    private static async Task<StoreException> FailAsync(SftpBackend store, StoreError expected)
    {
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Ct)).WaitAsync(TimeSpan.FromMinutes(1), Ct);
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        Assert.Equal(expected, error.Error);
        return error;
    }

    private SftpBackend Create(string user, string? password, string? keyFile = null, string? knownHosts = null, string? fingerprint = null)
    {
        var url = SftpUrl.Parse($"sftp://{user}@127.0.0.1:{_server.Port}/{_folder.Combine("store")}");
        var known = _server.KnownHosts;
        if (knownHosts is not null) File.WriteAllText(known = _folder.Combine("known_hosts"), knownHosts);
        var login = new SshLogin(url.Target)
        {
            Credential = password is null ? null : new(user, password),
            KeyFile = keyFile,
            HostKeyFingerprint = fingerprint,
            KnownHostsFiles = [known],
        };
        return new(url, new BackendOptions(), token => SshNetTransport.ConnectAsync(login, token));
    }
}
