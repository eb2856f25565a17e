using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Ssh;
using BorgStore.Backends.SshNet;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.SshNet;

/// <summary>The contract on real servers over SSH.NET.</summary>
public abstract class SshNetContractTests : SftpContractTests
{
    private readonly SshServer _server;

    private protected SshNetContractTests(SshServer server)
        : base(server)
        => _server = server;

    private protected override SftpBackend CreateBackend(SftpUrl url)
        => new(url, new BackendOptions(), token => SshNetTransport.ConnectAsync(Login(_server, url), token));

    /// <summary>The login by the test's key.</summary>
    internal static SshLogin Login(SshServer server, SftpUrl url)
        => new(url.Target) { KeyFile = Path.Combine(server.Folder, "id"), KnownHostsFiles = [server.KnownHosts] };
}

/// <summary>OpenSSH's sshd.</summary>
public sealed class SshNetOnOpenSshTests() : SshNetContractTests(OpenSshServer.Instance);

/// <summary>ProFTPD's mod_sftp.</summary>
public sealed class SshNetOnProFtpdTests() : SshNetContractTests(ProFtpdServer.Instance);
