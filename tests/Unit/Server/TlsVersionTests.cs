using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using BorgStore.Server;
using BorgStore.Tests.Rest;

namespace BorgStore.Tests.Server;

/// <summary>The versions of TLS that the server accepts.</summary>
public sealed class TlsVersionTests
{
    [Theory]
    [InlineData("1.2", SslProtocols.Tls12, true)]
    [InlineData("1.2", SslProtocols.Tls13, true)]
    [InlineData("1.3", SslProtocols.Tls12, false)]
    [InlineData("1.3", SslProtocols.Tls13, true)]
    public async Task An_older_version_than_the_least_is_refused(string least, SslProtocols offered, bool isAccepted)
    {
        using var folder = new TemporaryFolder();
        TestCertificate.Write(folder.Combine("cert.pem"), "localhost");
        var protocols = CommandLine.Parse(["--backend", folder.StoreUrl, "--certificate", folder.Combine("cert.pem"), "--tls-min-version", least]).TlsProtocols;
        await using var server = await InProcessServer.StartAsync(folder.Combine("store"), options => options with { Certificate = folder.Combine("cert.pem"), TlsProtocols = protocols });
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", new Uri(server.Url).Port, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(socket.GetStream(), leaveInnerStreamOpen: false);
        var handshake = tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = offered, RemoteCertificateValidationCallback = (_, presented, _, _) => presented?.Subject == "CN=localhost" },
            TestContext.Current.CancellationToken);
        if (!isAccepted)
        {
            Assert.True(await Record.ExceptionAsync(() => handshake) is AuthenticationException or IOException);
            return;
        }
        await handshake;
        Assert.Equal(offered, tls.SslProtocol);
        using var client = new RawClient(tls);
        Assert.Equal(204, client.Exchange("GET", "/?cmd=health").Status);
    }

    [Theory]
    [InlineData("1.3", "needs '--certificate'")]
    [InlineData("1.1", "neither 1.2 nor 1.3", "--certificate", "cert.pem")]
    public void A_mistake_in_the_option_is_explained(string version, string expected, params string[] others)
        => Assert.Contains(expected, Assert.Throws<StoreException>(() => CommandLine.Parse(["--backend", "file:///x", "--tls-min-version", version, .. others])).Message, StringComparison.Ordinal);
}
