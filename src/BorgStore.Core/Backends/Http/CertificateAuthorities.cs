using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BorgStore.Backends.Http;

/// <summary>Certificate authorities from a file.</summary>
internal static class CertificateAuthorities
{
    /// <summary>Returns options that trust only the authorities in a file.</summary>
    /// <param name="variable">The environment variable that names the file.</param>
    /// <param name="file">The file, in PEM format.</param>
    public static SslClientAuthenticationOptions Trust(string variable, string file)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StoreException(StoreError.InvalidArgument, $"The certificates from {variable} cannot be read: {e.Message} {Advice}", innerException: e);
        }
        if (policy.CustomTrustStore.Count == 0)
            throw new StoreException(StoreError.InvalidArgument, $"The file from {variable} contains no certificate. {Advice}");
        return new() { CertificateChainPolicy = policy };
    }

    private const string Advice = "Set the variable to a PEM file with the certificate authorities to trust.";
}
