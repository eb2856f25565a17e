using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Portable;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Sftp;

namespace BorgStore.Tests.Rclone;

/// <summary>A folder mounted by rclone, where links fail with EIO, but new items still never replace others.</summary>
public sealed class RcloneMountTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private Process? _rclone;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Mounted => _folder.Combine("mounted");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/dev/fuse"), "There is no /dev/fuse.");
        Directory.CreateDirectory(Mounted);
        Directory.CreateDirectory(_folder.Combine("below"));
        _rclone = Programs.Start(RcloneProgram.Require(), "mount", _folder.Combine("below"), Mounted, "--vfs-cache-mode", "writes", "--cache-dir", _folder.Combine("cache"));
        for (var i = 0; i < 300 && !_rclone.HasExited; i++)
        {
            if (await Programs.RunAsync("mountpoint", "-q", Mounted) is (0, _)) return;
            await Task.Delay(100, Ct);
        }
        Assert.Skip("rclone cannot mount here.");
    }

    public async ValueTask DisposeAsync()
    {
        if (_rclone is not null)
        {
            await Programs.RunAsync("umount", Mounted);
            await _rclone.WaitForExitAsync();
            _rclone.Dispose();
        }
        _folder.Dispose();
    }

    [Theory]
    [InlineData("file")]
    [InlineData("portable")]
    [InlineData("sftp")]
    public async Task Creating_or_moving_never_replaces_an_existing_item(string kind)
    {
        var path = Path.Combine(Mounted, "store");
        var sshd = OpenSshServer.Instance;
        Assert.SkipWhen(kind == "sftp" && sshd.Missing is not null, sshd.Missing ?? "");
        await using IBackend store = kind == "sftp" ? SshServer.CreateBackend(sshd.Url(path), sshd.SharedOptions)
            : new FileBackend(path, null, root => kind == "portable" ? new PortableFileSystem(root) : FileSystem.For(root));
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        await store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.CreateNew, Ct);
        await store.StoreAsync("data/b", new byte[] { 2 }, StoreMode.CreateNew, Ct);
        Assert.Equal(StoreError.ObjectAlreadyExists,
            (await Assert.ThrowsAsync<StoreException>(() => store.StoreAsync("data/a", new byte[] { 3 }, StoreMode.CreateNew, Ct).AsTask())).Error);
        Assert.Equal(StoreError.ObjectAlreadyExists,
            (await Assert.ThrowsAsync<StoreException>(() => store.MoveAsync("data/a", "data/b", StoreMode.CreateNew, Ct).AsTask())).Error);
        Assert.True(await store.MoveAsync("data/a", "data/c", StoreMode.CreateNew, Ct));
        Assert.False(await store.MoveAsync("data/a", "data/d", StoreMode.CreateNew, Ct));
        await using var value = await store.LoadAsync("data/c", ByteRange.Whole, Ct);
        Assert.Equal([1], await value!.ReadToEndAsync(Ct));
        Assert.Null(await store.FindAsync("data/a", Ct));
    }
}
