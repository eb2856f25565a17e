using System.Text;
using Renci.SshNet.Common;
using Renci.SshNet.Security;

namespace BorgStore.Backends.SshNet;

/// <summary>A certificate that a server presents in place of its host key (PROTOCOL.certkeys of OpenSSH).</summary>
/// <remarks>SSH.NET's own check neither looks at the type, the names and the options of a certificate, nor says why it refuses one, nor goes on with the
/// plain key, as <c>ssh</c> does. It also misreads a few Ed25519 keys. So only its algorithms are used.</remarks>
internal sealed class HostCertificate
{
    /// <summary>The end of the names of all types of certificates.</summary>
    public const string Suffix = "-cert-v01@openssh.com";

    private const uint HostType = 2;

    /// <summary>Parses a certificate and checks everything except whether its authority is known.</summary>
    /// <param name="data">The certificate in the wire format.</param>
    /// <param name="host">The name or address that the user gave.</param>
    /// <param name="algorithms">The algorithms with which an authority may sign, by name.</param>
    public HostCertificate(byte[] data, string host, IReadOnlyDictionary<string, Func<byte[], KeyHostAlgorithm>> algorithms)
    {
        using var stream = new SshDataStream(data);
        var type = stream.ReadString(Encoding.ASCII);
        if (!type.EndsWith(Suffix, StringComparison.Ordinal)) throw new SshConnectionException("The server sent another kind of host key than it was asked for.");
        type = type[..^Suffix.Length];
        stream.ReadBinary(); // a random number
        Key = ReadKey(stream, type);
        stream.ReadUInt64(); // the serial number
        var use = stream.ReadUInt32();
        stream.ReadString(Encoding.UTF8); // a name for logs
        var names = ReadNames(stream.ReadBinary());
        var (after, before) = (stream.ReadUInt64(), stream.ReadUInt64());
        var options = stream.ReadBinary();
        stream.ReadBinary(); // extensions, none of which are for hosts
        stream.ReadBinary(); // reserved
        Authority = stream.ReadBinary();
        var signed = data[..(int)stream.Position];
        var signature = stream.ReadBinary();

        var now = (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        Problem = !IsSigned(signed, signature, algorithms) ? "its signature is wrong"
            : use != HostType ? "it is not for a host"
            : now < after ? "it is not valid yet"
            : now >= before ? "it has expired"
            : names.Count == 0 ? "it names no host"
            : !names.Exists(name => KnownHosts.MatchesPattern(host.ToLowerInvariant(), name)) ? $"it is for {Http.ServerText.Clean(string.Join(", ", names))}"
            : options.Length > 0 ? "it has options that are not known"
            : null;
    }

    /// <summary>The server's own key in the wire format.</summary>
    public byte[] Key { get; }

    /// <summary>The key of the authority in the wire format.</summary>
    public byte[] Authority { get; }

    /// <summary>Why the certificate is not valid for the host, as a clause; <see langword="null"/> if it is.</summary>
    public string? Problem { get; }

    // The fields of a plain key, after its type.
    private static byte[] ReadKey(SshDataStream stream, string type)
    {
        using var key = new SshDataStream(256);
        key.Write(type, Encoding.ASCII);
        for (var fields = type == "ssh-ed25519" ? 1 : 2; fields > 0; fields--) key.WriteBinary(stream.ReadBinary());
        return key.ToArray();
    }

    private static List<string> ReadNames(byte[] data)
    {
        using var stream = new SshDataStream(data);
        var names = new List<string>();
        while (!stream.IsEndOfData) names.Add(stream.ReadString(Encoding.UTF8));
        return names;
    }

    private bool IsSigned(byte[] signed, byte[] signature, IReadOnlyDictionary<string, Func<byte[], KeyHostAlgorithm>> algorithms)
    {
        using var stream = new SshDataStream(signature);
        var algorithm = stream.ReadString(Encoding.ASCII);
        return KnownHosts.TypeOf(Authority) == KnownHosts.TypeOfAlgorithm(algorithm) && algorithms.TryGetValue(algorithm, out var create)
            && create(Authority).VerifySignature(signed, signature);
    }
}
