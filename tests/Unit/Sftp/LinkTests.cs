using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Tests.Sftp;

/// <summary>Attacks that put links to outside directories into a store, so that deletions in the store would happen there.</summary>
public abstract class LinkTests : IDisposable
{
    private static readonly string[] Outside = ["item", "left.tmp"];
    private readonly TemporaryFolder _folder = new();
    private readonly SshAccess _server;

    private protected LinkTests(SshAccess server)
    {
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        _server = server;
        Directory.CreateDirectory(_folder.Combine("outside"));
        foreach (var name in Outside) File.WriteAllBytes(_folder.Combine("outside", name), [1]);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task A_store_behind_a_link_can_be_destroyed()
    {
        Directory.CreateDirectory(_folder.Combine("real"));
        File.CreateSymbolicLink(_folder.Combine("store"), _folder.Combine("real"));
        await using (var store = await OpenAsync()) await store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        await using var another = SshServer.CreateBackend(_server.Url(_folder.Combine("store")), _server.SharedOptions);
        await another.DestroyAsync(Ct);
        // ProFTPD removes the directory behind the link; OpenSSH can't.
        Assert.True(!Directory.Exists(_folder.Combine("real")) || Directory.GetFileSystemEntries(_folder.Combine("real")).Length == 0);
    }

    // The directory itself is checked when it is opened, and again before files in it are deleted.
    [Theory]
    [InlineData(nameof(PacketType.OpenDirectory))]
    [InlineData(nameof(PacketType.LinkStat))]
    public async Task Destroy_does_not_follow_a_directory_that_is_replaced_by_a_link_meanwhile(string request)
    {
        var requests = 0;
        await using (await OpenAsync())
        {
            // It is created.
        }
        await using var store = SshServer.Watch(_server.Url(_folder.Combine("store")), _server.SharedOptions, transport => new WatchedTransport(transport) { Loses = Loses });
        foreach (var name in Outside)
        {
            Directory.CreateDirectory(_folder.Combine("store", "data"));
            await File.WriteAllBytesAsync(_folder.Combine("store", "data", name), [2], Ct);
        }
        await store.DestroyAsync(Ct);
        Assert.True(requests >= 2);
        AssertUntouched();
        Assert.False(Directory.Exists(_folder.Combine("store")));

        Loss Loses(string kind)
        {
            if (kind != request || ++requests != 2) return Loss.None;
            Directory.Move(_folder.Combine("store", "data"), _folder.Combine("aside"));
            File.CreateSymbolicLink(_folder.Combine("store", "data"), _folder.Combine("outside"));
            return Loss.None;
        }
    }

    private void AssertUntouched() => Assert.All(Outside, name => Assert.True(File.Exists(_folder.Combine("outside", name)), name));

    private Task<SftpBackend> OpenAsync()
        => SshServer.OpenWatchedAsync(_server.Url(_folder.Combine("store")), _server.SharedOptions, transport => new WatchedTransport(transport));
}

/// <summary>On OpenSSH's sshd.</summary>
public sealed class OpenSshLinkTests() : LinkTests(OpenSshServer.Instance);

/// <summary>On ProFTPD's mod_sftp.</summary>
public sealed class ProFtpdLinkTests() : LinkTests(ProFtpdServer.Instance);
