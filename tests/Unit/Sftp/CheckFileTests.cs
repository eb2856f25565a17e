using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Hashing;

namespace BorgStore.Tests.Sftp;

/// <summary>Servers without a shell that compute hashes with an extension they do not announce.</summary>
public sealed class CheckFileTests
{
    [Fact]
    public async Task The_server_computes_the_hash_without_sending_the_value()
    {
        var server = ProFtpdServer.Instance;
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        var token = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        await using var line = new FaultProxy(server.Port);
        server.WriteKnownHosts(line.Port);
        await using var store = SshServer.CreateBackend(server.Url(folder.Combine("store"), line.Port), server.Options);
        await store.CreateAsync(token);
        await store.OpenAsync(token);
        var value = new byte[8 << 20];
        Random.Shared.NextBytes(value);
        await File.WriteAllBytesAsync(folder.Combine("store", "large"), value, token);

        var before = line.Bytes;
        foreach (var kind in new[] { HashKind.Sha256, HashKind.Sha1, HashKind.Md5, HashKind.Sha512 })
            Assert.Equal(kind.ComputeHex(value), await store.HashAsync("large", kind, token));
        Assert.Null(await store.HashAsync("none", HashKind.Sha256, token));
        Assert.InRange(line.Bytes - before, 0, 30_000);

        // Algorithms that the server does not support are computed locally.
        Assert.Equal(HashKind.Blake3.ComputeHex(value), await store.HashAsync("large", HashKind.Blake3, token));
        Assert.InRange(line.Bytes - before, value.Length, 2 * value.Length);
    }

    // ProFTPD supports extensions it does not announce, and the draft's announcements differ from its requests.
    [Theory]
    [InlineData(null, "check-file-name")]
    [InlineData("check-file", "check-file-name")]
    [InlineData("check-file-name", "check-file-name")]
    [InlineData("check-file-handle", "check-file-handle")]
    public async Task ProFTPD_supports_both_hash_requests_of_the_draft(string? announced, string request)
    {
        var token = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var (store, line) = await CreateAsync(ProFtpdServer.Instance, folder, announced);
        await using var _ = store;
        var value = new byte[300_000];
        Random.Shared.NextBytes(value);
        await store.StoreAsync("data/a", value, StoreMode.Overwrite, token);
        foreach (var kind in new[] { HashKind.Sha256, HashKind.Md5, HashKind.Sha1, HashKind.Sha512 })
            Assert.Equal(kind.ComputeHex(value), await store.HashAsync("data/a", kind, token));
        Assert.Null(await store.HashAsync("data/none", HashKind.Sha256, token));
        Assert.InRange(line.Count(request), 4, 5);
        Assert.Equal(0, line.Count("Read"));
    }

    // paramiko only computes correct hashes from 256 bytes to 128 KiB.
    [Theory]
    [InlineData(0, false)]
    [InlineData(255, false)]
    [InlineData(256, true)]
    [InlineData(100_000, true)]
    [InlineData(128 << 10, true)]
    [InlineData((128 << 10) + 1, false)]
    [InlineData(1_000_000, false)]
    public async Task Paramiko_is_only_asked_for_hashes_that_it_computes_correctly(int size, bool isAsked)
    {
        var token = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var (store, line) = await CreateAsync(ParamikoServer.Instance, folder);
        await using var _ = store;
        var value = new byte[size];
        Random.Shared.NextBytes(value);
        await store.StoreAsync("data/a", value, StoreMode.Overwrite, token);

        // The server supports two algorithms; the others are computed locally.
        foreach (var kind in new[] { HashKind.Sha1, HashKind.Md5, HashKind.Sha256, HashKind.Sha1 })
            Assert.Equal(kind.ComputeHex(value), await store.HashAsync("data/a", kind, token));
        Assert.Null(await store.HashAsync("data/none", HashKind.Sha1, token));
        // The draft's requests, which the server does not support, were tried once.
        Assert.Equal(1, line.Count("check-file-name"));
        Assert.Equal(1, line.Count("check-file-handle"));
        Assert.Equal(isAsked ? 4 : 0, line.Count("check-file"));
    }

    private static async Task<(SftpBackend Store, WatchedTransport Line)> CreateAsync(SshServer server, TemporaryFolder folder, string? announced = null)
    {
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        WatchedTransport line = null!;
        var store = await SshServer.OpenWatchedAsync(server.Url(folder.Combine("store")), server.Options,
            transport => line = new WatchedTransport(transport) { Announced = announced });
        return (store, line);
    }
}
