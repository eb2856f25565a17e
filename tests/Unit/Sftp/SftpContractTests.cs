using BorgStore.Backends;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Sftp;

/// <summary>The backend contract on real servers.</summary>
public abstract class SftpContractTests : BackendContract
{
    private readonly TemporaryFolder _folder = new();
    private readonly SshAccess _server;

    private protected SftpContractTests(SshAccess server) => _server = server;

    private string Root => Path.Combine(_folder.Path, "store");

    public override ValueTask InitializeAsync()
    {
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
        return base.InitializeAsync();
    }

    protected override ValueTask<IBackend> CreateBackendAsync() => new(SshAccess.CreateBackend(_server.Url(Root), _server.SharedOptions));

    protected override ValueTask<bool> PutRawAsync(string path, byte[] content)
    {
        var file = Path.Combine(Root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, content);
        return new(true);
    }

    protected override string? RawFolder => Root;

    protected override ValueTask<bool> PutRawLinkAsync(string path, string target) => MakeLink(Path.Combine(Root, path), target);

    protected override ValueTask<IReadOnlyList<string>?> ListRawAsync() => new(
        [.. Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Root, file).Replace(Path.DirectorySeparatorChar, '/'))]);

    protected override ValueTask CleanUpAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>OpenSSH's sshd.</summary>
public sealed class OpenSshContractTests() : SftpContractTests(OpenSshServer.Instance)
{
    protected override bool Copies(StoreMode mode) => true;
}

/// <summary>ProFTPD's mod_sftp.</summary>
public sealed class ProFtpdContractTests() : SftpContractTests(ProFtpdServer.Instance)
{
    protected override string? WholeElsewhere => "the server of OpenSSH";
}
