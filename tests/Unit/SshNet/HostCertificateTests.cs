using System.Diagnostics;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Ssh;
using BorgStore.Backends.SshNet;
using BorgStore.Processes;
using BorgStore.Tests.Server;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.SshNet;

/// <summary>Certificates of host keys, which a known authority has signed. The <c>ssh</c> program of this machine has to decide the same.</summary>
public sealed class HostCertificateTests : IDisposable
{
    private const string Authority = "@cert-authority {host} {ca}";

    // Making keys takes longer than all else.
    private static readonly Lazy<TemporaryFolder> Keys = new(() =>
    {
        var folder = new TemporaryFolder();
        foreach (var (name, type) in new[] { ("ca", "ecdsa"), ("other", "ed25519"), ("ed25519", "ed25519"), ("ecdsa", "ecdsa"), ("rsa", "rsa") })
            Run("ssh-keygen", "-q", "-t", type, "-N", "", "-f", folder.Combine(name));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        return folder;
    });

    private readonly TemporaryFolder _folder = new();
    private readonly SshServer _server = OpenSshServer.Instance;

    public HostCertificateTests() => Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("-h -n 127.0.0.1", Authority, null)]
    [InlineData("-h -n other,127.0.0.1 -V -1d:+1d", Authority, null)]
    [InlineData("-h -n 127.0.0.1", "@cert-authority 127.0.0.* {ca}", null)]
    [InlineData("-h -n 127.0.0.1", "@cert-authority *,!127.0.0.1,!{host} {ca}", "")]
    [InlineData("-h -n 127.0.0.1", "@cert-authority {host} {other}", "this authority is not known for the server")]
    [InlineData("-h -n 127.0.0.1", "@cert-authority elsewhere {ca}", "")]
    [InlineData("-h -n 127.0.0.1", "{host} {ca}", "")]
    [InlineData("-h -n 127.0.0.1 -V -2d:-1d", Authority, "it has expired")]
    [InlineData("-h -n 127.0.0.1 -V +1d:+2d", Authority, "it is not valid yet")]
    [InlineData("-h -n other.example.org,b", Authority, "it is for other.example.org, b")]
    [InlineData("-n 127.0.0.1", Authority, "it is not for a host")]
    [InlineData("-h -n 127.0.0.1 -O critical:x=y", Authority, "it has options that are not known")]
    [InlineData("-h -n 127.0.0.1", Authority + "\n@revoked * {ca}", "marked as revoked")]
    [InlineData("-h -n 127.0.0.1", Authority + "\n@revoked * {key}", "marked as revoked")]
    [InlineData("-h -n 127.0.0.1 -V -2d:-1d", Authority + "\n{host} {key}", null)]
    [InlineData("-h -n 127.0.0.1 -V -2d:-1d", Authority + "\n{host} {other}", "has changed")]
    [InlineData("-h -n 127.0.0.1", Authority + "\n{host} {other}", null)]
    [InlineData("-h -n 127.0.0.1", "@cert-authority 127.0.0.1 {ca}\n{host} {other}", null)]
    [InlineData("-h -n 127.0.0.1", "@cert-authority {host} {other}\n{host} {key}", null)]
    public async Task A_certificate_is_trusted_if_ssh_trusts_it(string certificate, string known, string? problem)
    {
        using var server = Start("ed25519", certificate, known);
        Assert.Equal(problem is null, Run("ssh", [.. server.Options, "127.0.0.1", "true"]) == 0);
        await CheckAsync(server.Port, problem);
    }

    // Versions of ssh before 10.3 take no names as all, and no name as a pattern.
    [Theory]
    [InlineData("-h", "it names no host")]
    [InlineData("-h -n 127.*.1", null)]
    [InlineData("-h -n *.example.org", "it is for *.example.org")]
    public async Task Names_are_matched_as_the_latest_ssh_does(string certificate, string? problem)
    {
        using var server = Start("ed25519", certificate, Authority);
        await CheckAsync(server.Port, problem);
    }

    [Theory]
    [InlineData("rsa")]
    [InlineData("ecdsa")]
    public async Task Keys_of_other_types_have_certificates_too(string type)
    {
        using var server = Start(type, "-h -n 127.0.0.1", Authority);
        await CheckAsync(server.Port, problem: null);
    }

    [Fact]
    public async Task A_server_without_a_certificate_needs_a_known_key()
    {
        using var server = Start("ed25519", null, Authority);
        await CheckAsync(server.Port, "is not known");
        await System.IO.File.AppendAllTextAsync(File("known_hosts"), $"[127.0.0.1]:{server.Port} {await System.IO.File.ReadAllTextAsync(File("key.pub"), Ct)}", Ct);
        await CheckAsync(server.Port, problem: null);
    }

    [Fact]
    public void A_certificate_that_was_changed_is_not_signed()
    {
        using var server = Start("ed25519", "-h -n 127.0.0.1", Authority);
        var data = Convert.FromBase64String(System.IO.File.ReadAllText(File("key-cert.pub")).Split(' ')[1]);
        var info = new Renci.SshNet.ConnectionInfo("host", "me", new Renci.SshNet.NoneAuthenticationMethod("me"));
        var algorithms = info.HostKeyAlgorithms.ToDictionary();
        Assert.Null(new HostCertificate(data, "127.0.0.1", algorithms).Problem);
        for (var i = 0; i < data.Length; i++)
        {
            var changed = data.ToArray();
            changed[i] ^= 1;
            string? problem;
            try
            {
                problem = new HostCertificate(changed, "127.0.0.1", algorithms).Problem;
            }
            catch (Exception)
            {
                continue; // The connection ends.
            }
            Assert.True(problem is not null, $"byte {i}");
        }
    }

    private string File(string name) => _folder.Combine(name);

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }

    private async Task CheckAsync(int port, string? problem)
    {
        var url = SftpUrl.Parse($"sftp://{Environment.UserName}@127.0.0.1:{port}/{File("store")}");
        var login = new SshLogin(url.Target) { KeyFile = Path.Combine(_server.Folder, "id"), KnownHostsFiles = [File("known_hosts")] };
        if (problem is null)
        {
            await (await SshNetTransport.ConnectAsync(login, Ct)).DisposeAsync();
            return;
        }
        var error = await Assert.ThrowsAsync<StoreException>(() => SshNetTransport.ConnectAsync(login, Ct).AsTask());
        TestContext.Current.TestOutputHelper?.WriteLine(error.Message);
        Assert.Equal(StoreError.AuthenticationFailed, error.Error);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    // The certificate is given by the arguments of ssh-keygen.
    private CertifiedServer Start(string type, string? certificate, string known)
    {
        foreach (var suffix in new[] { "", ".pub" }) System.IO.File.Copy(Keys.Value.Combine(type + suffix), File("key" + suffix));
        if (certificate is not null) Assert.Equal(0, Run("ssh-keygen", ["-q", "-s", Keys.Value.Combine("ca"), "-I", "test", .. certificate.Split(' '), File("key.pub")]));
        var port = TestPorts.FindFree();
        foreach (var (name, file) in new[] { ("{ca}", "ca"), ("{other}", "other"), ("{key}", type) })
            known = known.Replace(name, string.Join(' ', System.IO.File.ReadAllText(Keys.Value.Combine($"{file}.pub")).Split(' ').Take(2)), StringComparison.Ordinal);
        System.IO.File.WriteAllText(File("known_hosts"), known.Replace("{host}", $"[127.0.0.1]:{port}", StringComparison.Ordinal) + "\n");
        var settings = System.IO.File.ReadAllLines(Path.Combine(_server.Folder, "sshd_config"))
            .Where(line => !line.StartsWith("HostKey", StringComparison.Ordinal) && !line.StartsWith("ListenAddress", StringComparison.Ordinal));
        System.IO.File.WriteAllLines(File("sshd_config"),
            [.. settings, $"ListenAddress 127.0.0.1:{port}", $"HostKey {File("key")}", certificate is null ? "" : $"HostCertificate {File("key-cert.pub")}"]);
        return new(this, port);
    }

    private sealed class CertifiedServer : IDisposable
    {
        private readonly ChildProcess _process;
        private readonly HostCertificateTests _test;

        public CertifiedServer(HostCertificateTests test, int port)
        {
            (_test, Port) = (test, port);
            _process = ChildProcess.Start(new("/usr/sbin/sshd", ["-D", "-e", "-f", test.File("sshd_config")]));
            while (!TestPorts.IsOpen(port) && !_process.Exited.IsCompleted) Thread.Sleep(20);
        }

        public int Port { get; }

        public string[] Options =>
        [
            "-F", "none", "-o", "BatchMode=yes", "-o", $"IdentityFile={Path.Combine(_test._server.Folder, "id")}", "-o", "IdentitiesOnly=yes",
            "-o", $"UserKnownHostsFile={_test.File("known_hosts")}", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes", "-p", $"{Port}",
        ];

        public void Dispose()
        {
            _process.Kill();
            _process.DisposeAsync().AsTask().Wait();
        }
    }
}
