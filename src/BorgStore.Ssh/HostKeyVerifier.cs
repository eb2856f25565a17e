using System.Security.Cryptography;
using BorgStore.Backends.Ssh;
using Renci.SshNet.Security;

namespace BorgStore.Backends.SshNet;

/// <summary>Decides whether the host key of a server is trusted, as <c>ssh</c> with <c>BatchMode</c> does: only a known key is.</summary>
internal sealed class HostKeyVerifier
{
    private const int DefaultPort = 22;

    private readonly SshLogin _login;
    private readonly KnownHosts? _knownHosts;
    private HostCertificate? _certificate;
    private byte[]? _trusted;

    /// <summary>Reads the known host keys, unless a fingerprint was given.</summary>
    /// <param name="login">The server, and the fingerprint to trust.</param>
    public HostKeyVerifier(SshLogin login)
    {
        _login = login;
        if (login.HostKeyFingerprint is null) _knownHosts = login.KnownHostsFiles is { } files ? Load(files) : KnownHosts.Load();
    }

    /// <summary>The types of the server's known keys, to ask it for one of them.</summary>
    public IReadOnlySet<string> KnownTypes => _knownHosts?.FindTypes(_login.Target.Host, Port) ?? new HashSet<string>();

    /// <summary>Whether the server is asked for a certificate, because an authority is known for it.</summary>
    public bool HasAuthority => _knownHosts?.HasAuthority(_login.Target.Host, Port) == true;

    /// <summary>Why the key was refused; <see langword="null"/> if it was not.</summary>
    public StoreException? Failure { get; private set; }

    private int Port => _login.Target.Port ?? DefaultPort;

    /// <summary>Receives a certificate of the server.</summary>
    /// <param name="data">The certificate in the wire format.</param>
    /// <param name="algorithms">The algorithms with which an authority may sign, by name.</param>
    /// <returns>The key in the certificate, which is verified next.</returns>
    public byte[] ReceiveCertificate(byte[] data, IReadOnlyDictionary<string, Func<byte[], KeyHostAlgorithm>> algorithms)
    {
        _certificate = new(data, _login.Target.Host, algorithms);
        return _certificate.Key;
    }

    /// <summary>Returns whether a key is trusted.</summary>
    /// <param name="key">The key in the wire format.</param>
    public bool Verify(byte[] key)
    {
        // A long connection exchanges keys again, when its certificate may have expired.
        if (_trusted is not null && key.AsSpan().SequenceEqual(_trusted)) return true;
        if (!IsTrusted(key)) return false;
        _trusted = key;
        return true;
    }

    private static string Show(byte[] key) => $"{KnownHosts.TypeOf(key)} {FingerprintOf(key)}";

    private static string FingerprintOf(byte[] key) => $"SHA256:{Convert.ToBase64String(SHA256.HashData(key)).TrimEnd('=')}";

    private bool IsTrusted(byte[] key)
    {
        var fingerprint = FingerprintOf(key);
        var shown = Show(key);
        var server = _login.Target.Server;
        if (_knownHosts is null)
        {
            if (fingerprint == _login.HostKeyFingerprint!.TrimEnd('=')) return true;
            return Refuse($"The host key of '{server}' is {shown}, and not the given {_login.HostKeyFingerprint}. Find out why before you go on.");
        }
        var certificate = _certificate is { } received && received.Key.AsSpan().SequenceEqual(key) ? received : null;
        var (state, where) = _knownHosts.Check(_login.Target.Host, Port, key, certificate);
        var refused = certificate is null ? ""
            : $" Its certificate of {Show(certificate.Authority)} was not accepted: {certificate.Problem ?? "this authority is not known for the server"}.";
        return state switch
        {
            HostKeyState.Trusted => true,
            HostKeyState.Revoked => Refuse($"The host key of '{server}', {shown}, {(certificate is null ? "" : "or the authority that signed it, ")}is marked as revoked in {where}. "
                + "Do not connect until the server has a new one."),
            HostKeyState.Changed => Refuse($"The host key of '{server}' has changed: it is {shown} now, and another one in {where}.{refused} Find out why before you go on; "
                + $"then remove the old key with: ssh-keygen -R '{KnownHosts.NameOf(_login.Target.Host, Port)}'."),
            _ => Refuse($"The host key of '{server}' is not known: {shown}.{refused} Compare it with that of the server, then specify -HostKeyFingerprint {fingerprint}, "
                + "or add the key to ~/.ssh/known_hosts with ssh-keyscan or by connecting once with ssh."),
        };
    }

    private static KnownHosts Load(IEnumerable<string> files)
    {
        var hosts = new KnownHosts();
        foreach (var file in files) hosts.Read(file);
        return hosts;
    }

    private bool Refuse(string message)
    {
        Failure = new(StoreError.AuthenticationFailed, message);
        return false;
    }
}
