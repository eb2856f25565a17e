using BorgStore.Backends.Ssh;
using Renci.SshNet;

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
    /// <param name="knownTypes">The types of the known host keys of the server, which it is asked for first.</param>
    /// <param name="request">The request for the subsystem.</param>
    public static ConnectionInfo Create(SshLogin login, IEnumerable<AuthenticationMethod> methods, IReadOnlySet<string> knownTypes, SubsystemRequest request)
    {
        var target = login.Target;
        var info = new ConnectionInfo(target.Host, target.Port ?? 22, login.User, [.. methods]) { Timeout = target.ConnectTimeout };
        foreach (var name in info.KeyExchangeAlgorithms.Keys.Where(name => name.EndsWith("-sha1", StringComparison.Ordinal)).ToList()) info.KeyExchangeAlgorithms.Remove(name);
        Keep(info.Encryptions, Ciphers);
        Keep(info.HmacAlgorithms, [.. info.HmacAlgorithms.Keys.Where(name => name.Contains("sha2", StringComparison.Ordinal))]);
        Keep(info.HostKeyAlgorithms, [.. HostKeys.OrderBy(name => knownTypes.Contains(name.StartsWith("rsa-", StringComparison.Ordinal) ? "ssh-rsa" : name) ? 0 : 1)]);
        info.CompressionAlgorithms.Clear();
        info.CompressionAlgorithms.Add("none", request.CreateFilter);
        return info;
    }

    // Also puts them into the order of the names.
    private static void Keep<T>(IOrderedDictionary<string, T> algorithms, IEnumerable<string> names)
    {
        var kept = names.Where(algorithms.ContainsKey).Select(name => (name, algorithms[name])).ToList();
        algorithms.Clear();
        foreach (var (name, algorithm) in kept) algorithms.Add(name, algorithm);
    }
}
