using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Tests.Backends;

namespace BorgStore.Tests.Rclone;

/// <summary>A folder that both access through rclone.</summary>
public sealed class RclonePythonTests : PythonStoreContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public RclonePythonTests() => RcloneProgram.Require();

    protected override string Modules => "borgstore, requests";

    protected override string Url => "rclone:" + _folder.Combine("store");

    public void Dispose() => _folder.Dispose();

    protected override IBackend CreateBackend() => new RcloneBackend(Url);
}
