using BorgStore.Backends;

namespace BorgStore.Tests.Sftp;

/// <summary>A connection that is lost in the middle of a load, while the value is replaced.</summary>
public sealed class InterruptedLoadTests : IDisposable
{
    private const int Size = 20_000_000;
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("the same")]
    [InlineData("another")]
    [InlineData("one that begins alike")]
    public async Task A_load_that_is_interrupted_returns_one_value_or_fails(string found)
    {
        var server = OpenSshServer.Instance;
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        var isDue = 0;
        await using var store = await SshServer.OpenWatchedAsync(server.Url(_folder.Combine("store")), server.SharedOptions, transport => new WatchedTransport(transport)
        {
            Loses = kind => kind == "Read" && Interlocked.Exchange(ref isDue, 0) == 1 ? Loss.Request : Loss.None,
        });
        var old = Bytes(1);
        var value = found switch
        {
            "the same" => old,
            "another" => Bytes(2),
            _ => [.. old[..^1000], .. Bytes(2)[^1000..]],
        };
        await StoreAsync(old);
        await using var stream = (await store.LoadAsync("data/a", ByteRange.Whole, Ct))!;
        var bytes = new byte[Size];
        await stream.ReadExactlyAsync(bytes.AsMemory(0, 1000), Ct);
        await StoreAsync(value);
        isDue = 1;
        if (found == "another")
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => stream.ReadExactlyAsync(bytes.AsMemory(1000), Ct).AsTask());
            Assert.Equal(StoreError.BackendFailure, error.Error);
            Assert.Contains("Load it again", error.Message, StringComparison.Ordinal);
        }
        else
        {
            await stream.ReadExactlyAsync(bytes.AsMemory(1000), Ct);
            Assert.True(bytes.AsSpan().SequenceEqual(value));
        }
        Assert.Equal(0, isDue);

        // Within the same second, which is all that the server shows of the time.
        async Task StoreAsync(byte[] bytes)
        {
            await store.StoreAsync("data/a", bytes, StoreMode.Overwrite, Ct);
            File.SetLastWriteTimeUtc(_folder.Combine("store", "data", "a"), new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        }
    }

    private static byte[] Bytes(int seed)
    {
        var bytes = new byte[Size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
