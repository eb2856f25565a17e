using System.Net;

namespace BorgStore.Backends.Ssh;

/// <summary>A server and how to log in to it without the <c>ssh</c> program.</summary>
/// <param name="target">The server.</param>
internal sealed class SshLogin(SshTarget target)
{
    /// <summary>The server.</summary>
    public SshTarget Target => target;

    /// <summary>The user: of the URL, of the credential, or the current one.</summary>
    public string User => target.User ?? (Credential is { UserName.Length: > 0 } ? Credential.UserName : Environment.UserName);

    /// <summary>User and password; with a <see cref="KeyFile"/>, the password is its passphrase.</summary>
    public NetworkCredential? Credential { get; init; }

    /// <summary>The password or passphrase, which may be empty; <see langword="null"/> if there is none.</summary>
    public string? Password => Credential?.Password;

    /// <summary>The file with the private key; <see langword="null"/> for a login by password, or by the keys of <c>~/.ssh</c>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>The only host key to trust, as <c>SHA256:…</c>; <see langword="null"/> to trust those in <c>known_hosts</c>.</summary>
    public string? HostKeyFingerprint { get; init; }

    /// <summary>The files with known host keys; <see langword="null"/> for those of the user and the system.</summary>
    public IReadOnlyList<string>? KnownHostsFiles { get; init; }
}
