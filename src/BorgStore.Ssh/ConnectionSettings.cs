using BorgStore.Backends.Ssh;
using Renci.SshNet;
using Renci.SshNet.Security;

namespace BorgStore.Backends.SshNet;

/// <summary>The algorithms and times of a connection. Nothing is weaker than what OpenSSH offers by default.</summary>
internal static class ConnectionSettings
{
    // Authenticated ciphers before others, and the cheapest first.
    private static readonly string[] Ciphers =
        ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"];

    private static readonly string[] HostKeys =
        ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"];

    /// <summary>Creates the settings.</summary>
    /// <param name="login">The server.</param>
    /// <param name="methods">The ways to log in.</param>
    /// <param name="hostKey">The verifier of the host key, which the server is asked for in an order that it knows.</param>
    /// <param name="request">The request for the subsystem.</param>
    public static ConnectionInfo Create(SshLogin login, IEnumerable<AuthenticationMethod> methods, HostKeyVerifier hostKey, SubsystemRequest request)
    {
        var target = login.Target;
        var info = new ConnectionInfo(target.Host, target.Port ?? 22, login.User, [.. methods]) { Timeout = target.ConnectTimeout };
        foreach (var name in info.KeyExchangeAlgorithms.Keys.Where(name => name.EndsWith("-sha1", StringComparison.Ordinal)).ToList()) info.KeyExchangeAlgorithms.Remove(name);
        Keep(info.Encryptions, Ciphers);
        Keep(info.HmacAlgorithms, [.. info.HmacAlgorithms.Keys.Where(name => name.Contains("sha2", StringComparison.Ordinal))]);
        var knownTypes = hostKey.KnownTypes;
        Keep(info.HostKeyAlgorithms, HostKeys.OrderBy(name => knownTypes.Contains(KnownHosts.TypeOfAlgorithm(name)) ? 0 : 1));
        if (hostKey.HasAuthority) PreferCertificates(info.HostKeyAlgorithms, hostKey);
        info.CompressionAlgorithms.Clear();
        info.CompressionAlgorithms.Add("none", request.CreateFilter);
        return info;
    }

    // Checks the exchange with the key in the certificate; the verifier decides about the certificate.
    private static void PreferCertificates(IOrderedDictionary<string, Func<byte[], KeyHostAlgorithm>> algorithms, HostKeyVerifier hostKey)
    {
        var plain = algorithms.ToDictionary();
        for (var i = 0; i < HostKeys.Length; i++)
        {
            var algorithm = plain[HostKeys[i]];
            algorithms.Insert(i, HostKeys[i] + HostCertificate.Suffix, data => algorithm(hostKey.ReceiveCertificate(data, plain)));
        }
    }

    // Also puts them into the order of the names.
    private static void Keep<T>(IOrderedDictionary<string, T> algorithms, IEnumerable<string> names)
    {
        var kept = names.Where(algorithms.ContainsKey).Select(name => (name, algorithms[name])).ToList();
        algorithms.Clear();
        foreach (var (name, algorithm) in kept) algorithms.Add(name, algorithm);
    }
}
