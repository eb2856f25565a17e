using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace BorgStore.Tests.S3.Servers;

/// <summary>Adds TLS to a server without it.</summary>
/// <param name="certificate">A PEM file with certificate and key.</param>
/// <param name="server">The server.</param>
internal sealed class TlsFront(string certificate, Uri server) : Relay
{
    // Loaded from PFX, because Windows accepts no ephemeral keys.
    private readonly X509Certificate2 _certificate = X509CertificateLoader.LoadPkcs12(
        X509Certificate2.CreateFromPemFile(certificate, certificate).Export(X509ContentType.Pfx), password: null);

    public Uri Address => new($"https://localhost:{Port}");

    protected override async Task ServeAsync(Stream client, CancellationToken cancellationToken)
    {
        await using var secured = new SslStream(client);
        await secured.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, cancellationToken);
        await using var line = await ConnectAsync(server.Host, server.Port, cancellationToken);
        await JoinAsync(secured, line, cancellationToken);
    }
}
