using BorgStore.Backends;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Sftp;

/// <summary>A store that both access over SFTP.</summary>
public sealed class SftpPythonTests : PythonStoreContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SshServer _server = OpenSshServer.Instance;

    public SftpPythonTests()
    {
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
        Directory.CreateDirectory(_folder.Combine(".ssh"));
        File.Copy(_server.KnownHosts, _folder.Combine(".ssh", "known_hosts"));
        File.WriteAllText(_folder.Combine(".ssh", "config"), $"Host 127.0.0.1\n  IdentityFile {Path.Combine(_server.Folder, "id")}\n");
    }

    protected override string Modules => "borgstore, paramiko";

    protected override string Url => $"sftp://{Environment.UserName}@127.0.0.1:{_server.Port}/{_folder.Combine("store")}";

    protected override string? Home => _folder.Path;

    public void Dispose() => _folder.Dispose();

    protected override IBackend CreateBackend() => SshServer.CreateBackend(_server.Url(_folder.Combine("store")), _server.SharedOptions);
}
