using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace BorgStore.Backends.Http;

/// <summary>Certificate authorities that stand in a file.</summary>
internal static class CertificateAuthorities
{
    /// <summary>Trusts those in a file, and no others.</summary>
    /// <param name="variable">The variable of the environment that names the file.</param>
    /// <param name="file">The file, in the form of PEM.</param>
    public static SslClientAuthenticationOptions Trust(string variable, string file)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new StoreException(StoreError.InvalidArgument, $"The certificates that {variable} names can't be read: {e.Message} {Advice}", innerException: e);
        }
        if (policy.CustomTrustStore.Count == 0)
            throw new StoreException(StoreError.InvalidArgument, $"The file that {variable} names holds no certificate. {Advice}");
        return new() { CertificateChainPolicy = policy };
    }

    private const string Advice = "It names a PEM file with the authorities to trust.";
}
