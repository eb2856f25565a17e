using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BorgStore.Tests.Server.Users;

/// <summary>Certificates of clients as logins.</summary>
public sealed class ClientCertificateTests
{
    private const string Rights = """{ "users": { "anna": { "stores": { "*": "all" } } } }""";
    private static readonly Dictionary<string, string> Passwords = new() { ["anna"] = "pear", ["ben"] = "plum" };

    [Fact]
    public async Task A_certificate_of_the_authority_is_a_login()
    {
        using var files = new Certificates();
        await using var server = await StartAsync(files, also: false);
        Assert.Equal(200, Get(server, files.Issue("anna")));
        // Known, but without rights.
        Assert.Equal(410, Get(server, files.Issue("ben")));
        Assert.Equal(200, Get(server, null, UsersServer.Basic("anna", "pear")));
        Assert.Equal(401, Get(server, null));
    }

    [Fact]
    public async Task A_certificate_of_another_authority_or_purpose_is_refused()
    {
        using var files = new Certificates();
        using var others = new Certificates();
        await using var server = await StartAsync(files, also: false);
        Assert.Null(Get(server, others.Issue("anna"), UsersServer.Basic("anna", "pear")));
        Assert.Null(Get(server, files.Issue("anna", forServers: true)));
        Assert.Null(Get(server, files.Issue("anna", expired: true)));
        // Two names are no name.
        Assert.Equal(401, Get(server, files.Issue("ben, CN=anna")));
    }

    [Fact]
    public async Task A_server_can_require_a_certificate_in_addition_to_the_password()
    {
        using var files = new Certificates();
        await using var server = await StartAsync(files, also: true);
        Assert.Equal(200, Get(server, files.Issue("anna"), UsersServer.Basic("anna", "pear")));
        Assert.Equal(401, Get(server, files.Issue("anna")));
        Assert.Equal(401, Get(server, files.Issue("anna"), UsersServer.Basic("anna", "wrong")));
        Assert.Equal(401, Get(server, files.Issue("ben"), UsersServer.Basic("anna", "pear")));
        Assert.Equal(401, Get(server, null, UsersServer.Basic("anna", "pear")));
    }

    private static async Task<UsersServer> StartAsync(Certificates files, bool also)
    {
        var server = await UsersServer.StartAsync(Rights, Passwords, options => options with
        {
            Certificate = files.ServerFile,
            ClientAuthority = files.AuthorityFile,
            NeedsCertificateAndPassword = also,
        });
        server.MakeStore("photos", ("data/a", "value"));
        return server;
    }

    // Returns the status, or null if the server cut the connection.
    private static int? Get(UsersServer server, X509Certificate2? certificate, string headers = "")
    {
        using var socket = new TcpClient();
        socket.Connect(IPAddress.Loopback, server.Address.Port);
        using var tls = new SslStream(socket.GetStream(), leaveInnerStreamOpen: false);
        try
        {
            tls.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ClientCertificates = certificate is null ? null : [certificate],
                LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!,
                RemoteCertificateValidationCallback = (_, presented, _, _) => presented?.Subject == "CN=localhost",
            });
            using var client = new RawClient(tls);
            return client.Exchange("GET", "/photos/data/a", headers).Status;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return null;
        }
    }

    /// <summary>An authority, a server's certificate, and those of clients.</summary>
    private sealed class Certificates : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly RSA _key = RSA.Create(2048);
        private readonly X509Certificate2 _authority;

        public Certificates()
        {
            var request = new CertificateRequest("CN=Authority", _key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
            _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-1), DateTimeOffset.UtcNow.AddYears(1));
            File.WriteAllText(AuthorityFile, _authority.ExportCertificatePem());
            using var key = RSA.Create(2048);
            using var server = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            File.WriteAllText(ServerFile, server.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
        }

        public string AuthorityFile => _folder.Combine("ca.pem");

        public string ServerFile => _folder.Combine("server.pem");

        public X509Certificate2 Issue(string user, bool forServers = false, bool expired = false)
        {
            using var key = RSA.Create(2048);
            var request = new CertificateRequest($"CN={user}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new(forServers ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
            using var issued = request.Create(_authority, DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(expired ? -1 : 1), RandomNumberGenerator.GetBytes(8));
            using var withKey = issued.CopyWithPrivateKey(key);
            return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
        }

        public void Dispose()
        {
            _authority.Dispose();
            _key.Dispose();
            _folder.Dispose();
        }
    }
}
