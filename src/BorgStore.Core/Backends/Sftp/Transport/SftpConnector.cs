using System.Net;
using BorgStore.Backends.Ssh;
using BorgStore.Processes;

namespace BorgStore.Backends.Sftp.Transport;

/// <summary>Connects to a server, by the user's <c>ssh</c> program or by SSH.NET.</summary>
/// <remarks>The <c>ssh</c> program has the user's agent, <c>~/.ssh/config</c>, jump hosts and hardware keys, and takes no password. SSH.NET takes one
/// and needs nothing installed. So a password, even an empty one, a passphrase or a fingerprint goes over SSH.NET, as does everything where there is no
/// <c>ssh</c> program; <c>?transport=</c> decides otherwise.</remarks>
internal static class SftpConnector
{
    /// <summary>The name of the transport over the <c>ssh</c> program in URLs.</summary>
    public const string SshProgram = "ssh";

    /// <summary>The name of the transport over SSH.NET in URLs.</summary>
    public const string SshNet = "ssh.net";

    private static readonly Lazy<Func<SshLogin, CancellationToken, ValueTask<ISftpTransport>>> SshNetTransport = new(
        () => IsolatedAssemblies.Load<Func<SshLogin, CancellationToken, ValueTask<ISftpTransport>>>("Ssh", "BorgStore.Backends.SshNet.SshNetTransport", "ConnectAsync"),
        LazyThreadSafetyMode.PublicationOnly);

    /// <summary>Returns the name of the transport that a store gets.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="options">The options.</param>
    public static string Choose(SftpUrl url, BackendOptions options)
    {
        var needsSshNet = FindCredential(url, options) is not null || options.HostKeyFingerprint is not null;
        if (url.Transport == SshProgram && needsSshNet)
            throw new StoreException(StoreError.InvalidArgument, "The ssh program accepts no password, passphrase or fingerprint from here. Omit 'transport=ssh' in the URL, or the password.");
        if (url.Transport is { } transport) return transport;
        return needsSshNet || !HasSshProgram() ? SshNet : SshProgram;
    }

    /// <summary>Returns the function that connects.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="options">The options.</param>
    public static Func<CancellationToken, ValueTask<ISftpTransport>> Create(SftpUrl url, BackendOptions options)
    {
        if (Choose(url, options) == SshProgram) return new SshConnector(url, url.KeyFile is { } file ? [$"IdentityFile={file}", "IdentitiesOnly=yes"] : []).ConnectAsync;
        var login = new SshLogin(url.Target)
        {
            Credential = FindCredential(url, options),
            KeyFile = url.KeyFile,
            HostKeyFingerprint = options.HostKeyFingerprint,
        };
        return cancellationToken => SshNetTransport.Value(login, cancellationToken);
    }

    private static NetworkCredential? FindCredential(SftpUrl url, BackendOptions options)
        => url.Password is { } password ? new(url.User, password) : options.Credential;

    private static bool HasSshProgram()
        => !string.IsNullOrWhiteSpace(Environment.GetEnvironmentVariable(SshCommand.ProgramVariable))
            || ProgramPath.Find(OperatingSystem.IsWindows() ? "ssh.exe" : "ssh") is not null;
}
