using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rest;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Rest;

/// <summary>Over a unix socket.</summary>
public sealed class UnixSocketContractTests : RestContract
{
    protected override string? WholeElsewhere => "the same server over TCP";

    protected override bool IsOnlyAnotherWay => true;

    private InProcessServer? _server;

    private string Socket => ServerPath("s.sock");

    protected override string Url => "http+unix://" + Uri.EscapeDataString(Socket);

    public override async ValueTask InitializeAsync()
    {
        _server = await InProcessServer.StartAsync(StorePath, options => options with { UnixSocket = Socket });
        await base.InitializeAsync();
    }

    protected override ValueTask StopServerAsync() => _server?.DisposeAsync() ?? default;
}

/// <summary>Over HTTPS with the test's own certificate authority, and with credentials in the URL.</summary>
[Collection(nameof(EnvironmentTests))]
public sealed class HttpsContractTests : RestContract
{
    protected override string? WholeElsewhere => "the same server without TLS";

    protected override bool IsOnlyAnotherWay => true;

    private InProcessServer? _server;

    protected override string Url => _server!.Url.Replace("https://127.0.0.1", "https://us%65r:p%40ss@localhost", StringComparison.Ordinal);

    public override async ValueTask InitializeAsync()
    {
        TestCertificate.Write(ServerPath("cert.pem"), "localhost");
        Environment.SetEnvironmentVariable(RestTransport.AuthorityVariable, ServerPath("cert.pem"));
        _server = await InProcessServer.StartAsync(StorePath, options => options with
        {
            Certificate = ServerPath("cert.pem"),
            Username = "user",
            Password = "p@ss",
        });
        await base.InitializeAsync();
    }

    protected override ValueTask StopServerAsync()
    {
        Environment.SetEnvironmentVariable(RestTransport.AuthorityVariable, null);
        return _server?.DisposeAsync() ?? default;
    }
}

/// <summary>With one server process for each connection, so the tests start as few as they can.</summary>
public abstract class ChildContract : RestContract
{
    protected override int Abandonments => 6;

    protected override async ValueTask CreateStoreAsync()
    {
        await using var creator = new FileBackend(StorePath);
        await creator.CreateAsync(Ct);
    }

    protected override ValueTask StopServerAsync() => default;
}

/// <summary>Through stdin and stdout of a process on this machine.</summary>
[Collection(nameof(EnvironmentTests))]
public sealed class StdioContractTests : ChildContract
{
    protected override string? WholeElsewhere => "the same server over TCP";

    protected override bool IsOnlyAnotherWay => true;

    protected override string Url => $"rest:///{StorePath}";

    public override ValueTask InitializeAsync()
    {
        EnvironmentTests.PutOurServerOnPath();
        return base.InitializeAsync();
    }
}

/// <summary>Over ssh, to a server on its stdin and stdout.</summary>
public sealed class SshContractTests(SharedSshd sshd) : ChildContract, IClassFixture<SharedSshd>
{
    protected override string? WholeElsewhere => "the same server without ssh before it";

    protected override bool IsOnlyAnotherWay => true;

    protected override string Url => $"rest://{Environment.UserName}@127.0.0.1/{StorePath}";

    protected override ValueTask<IBackend> CreateBackendAsync()
        => new(new RestBackend(RestAddress.Parse(Url, remoteShell: sshd.ClientCommand), Url));
}

/// <summary>Through nginx, below a base path, to our server on a unix socket.</summary>
public sealed class NginxContractTests : RestContract
{
    protected override string? WholeElsewhere => "the same server without nginx before it";

    protected override bool IsOnlyAnotherWay => true;

    private InProcessServer? _server;
    private TestNginx? _nginx;

    protected override string Url => $"http://127.0.0.1:{_nginx!.Port}/repos/first";

    public override async ValueTask InitializeAsync()
    {
        _nginx = await TestNginx.StartAsync(ServerPath("nginx"), ServerPath("first.sock"));
        _server = await InProcessServer.StartAsync(StorePath, options => options with { UnixSocket = ServerPath("first.sock") });
        await base.InitializeAsync();
    }

    protected override async ValueTask StopServerAsync()
    {
        if (_nginx is not null) await _nginx.DisposeAsync();
        if (_server is not null) await _server.DisposeAsync();
    }
}

/// <summary>A self-signed certificate.</summary>
internal static class TestCertificate
{
    public static void Write(string path, string name, int days = 30)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-60), DateTimeOffset.UtcNow.AddDays(days));
        File.WriteAllText(path, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
    }
}
