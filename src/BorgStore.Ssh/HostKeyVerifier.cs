using System.Security.Cryptography;
using BorgStore.Backends.Ssh;

namespace BorgStore.Backends.SshNet;

/// <summary>Decides whether the host key of a server is trusted, as <c>ssh</c> with <c>BatchMode</c> does: only a known key is.</summary>
internal sealed class HostKeyVerifier
{
    private const int DefaultPort = 22;

    private readonly SshLogin _login;
    private readonly KnownHosts? _knownHosts;

    /// <summary>Reads the known host keys, unless a fingerprint was given.</summary>
    /// <param name="login">The server, and the fingerprint to trust.</param>
    public HostKeyVerifier(SshLogin login)
    {
        _login = login;
        if (login.HostKeyFingerprint is null) _knownHosts = login.KnownHostsFiles is { } files ? Load(files) : KnownHosts.Load();
    }

    /// <summary>The types of the server's known keys, to ask it for one of them.</summary>
    public IReadOnlySet<string> KnownTypes => _knownHosts?.FindTypes(_login.Target.Host, Port) ?? new HashSet<string>();

    /// <summary>Why the key was refused; <see langword="null"/> if it was not.</summary>
    public StoreException? Failure { get; private set; }

    private int Port => _login.Target.Port ?? DefaultPort;

    /// <summary>Returns whether a key is trusted.</summary>
    /// <param name="key">The key in the wire format.</param>
    public bool Verify(byte[] key)
    {
        var fingerprint = $"SHA256:{Convert.ToBase64String(SHA256.HashData(key)).TrimEnd('=')}";
        var shown = $"{KnownHosts.TypeOf(key)} {fingerprint}";
        var server = _login.Target.Server;
        if (_knownHosts is null)
        {
            if (fingerprint == _login.HostKeyFingerprint!.TrimEnd('=')) return true;
            return Refuse($"The host key of '{server}' is {shown}, and not the given {_login.HostKeyFingerprint}. Find out why before you go on.");
        }
        var (state, where) = _knownHosts.Check(_login.Target.Host, Port, key);
        return state switch
        {
            HostKeyState.Trusted => true,
            HostKeyState.Revoked => Refuse($"The host key of '{server}', {shown}, is marked as revoked in {where}. Do not connect until the server has a new one."),
            HostKeyState.Changed => Refuse($"The host key of '{server}' has changed: it is {shown} now, and another one in {where}. Find out why before you go on; "
                + $"then remove the old key with: ssh-keygen -R '{KnownHosts.NameOf(_login.Target.Host, Port)}'."),
            _ => Refuse($"The host key of '{server}' is not known: {shown}. Compare it with that of the server, then specify -HostKeyFingerprint {fingerprint}, "
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
