using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BorgStore.Server.Access;

/// <summary>The certificates of clients that count as logins: those that one authority issued, whatever the system trusts otherwise.</summary>
internal sealed class ClientCertificates
{
    private readonly X509Certificate2Collection _authorities = [];

    /// <summary>Reads the certificates of the authority.</summary>
    /// <param name="path">A PEM file.</param>
    public ClientCertificates(string path)
    {
        try
        {
            _authorities.ImportFromPemFile(path);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new CryptographicException($"The certificates in '{path}' can't be used: {e.Message}", e);
        }
        if (_authorities.Count == 0) throw new CryptographicException($"The file '{path}' has no certificate. Write the authority's certificate there, as PEM.");
    }

    /// <summary>Adds what is needed to ask clients for certificates.</summary>
    public void Configure(SslServerAuthenticationOptions tls)
    {
        tls.ClientCertificateRequired = true;
        // A client without a certificate may log in with a password. One with a wrong certificate is cut off.
        tls.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is null || IsValid(certificate);
    }

    /// <summary>Returns the user that a certificate stands for, or <see langword="null"/> if it names none.</summary>
    public static string? GetUser(X509Certificate2 certificate)
    {
        // The common name of the subject itself, never an alternative name such as a DNS name.
        var names = certificate.SubjectName.EnumerateRelativeDistinguishedNames()
            .Where(name => !name.HasMultipleElements && name.GetSingleElementType().Value == "2.5.4.3")
            .Select(name => name.GetSingleElementValue()).ToList();
        return names is [{ Length: > 0 } only] && PasswordFile.DescribeNameProblem(only) is null ? only : null;
    }

    private bool IsValid(X509Certificate presented)
    {
        using var certificate = X509CertificateLoader.LoadCertificate(presented.Export(X509ContentType.Cert));
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        // clientAuth: the authority's certificates for servers are no logins.
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        return chain.Build(certificate);
    }
}
