using BorgStore.Hashing;

namespace BorgStore.Tests.Sftp;

/// <summary>A server without a shell, which computes hashes by an extension that it does not announce.</summary>
public sealed class CheckFileTests
{
    [Fact]
    public async Task The_server_computes_and_sends_the_hash_alone()
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

        // What the server does not know is computed here.
        Assert.Equal(HashKind.Blake3.ComputeHex(value), await store.HashAsync("large", HashKind.Blake3, token));
        Assert.InRange(line.Bytes - before, value.Length, 2 * value.Length);
    }
}
