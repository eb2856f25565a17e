using BorgStore.Backends;
using BorgStore.Backends.Sftp;

namespace BorgStore.Tests.Sftp;

/// <summary>The requests that make values survive a power failure, and servers that do not support them.</summary>
public class SftpDurabilityTests : IDisposable
{
    private const string Fsync = "fsync@openssh.com";
    private const int Count = 10;
    private readonly TemporaryFolder _folder = new();
    private readonly SshAccess _server;
    private WatchedTransport _line = null!;

    public SftpDurabilityTests()
        : this(OpenSshServer.Instance)
    {
    }

    private protected SftpDurabilityTests(SshAccess server)
    {
        _server = server;
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(Durability.Each, Count)]
    [InlineData(Durability.None, 0)]
    public async Task Durability_Each_syncs_every_value_and_None_syncs_nothing(Durability durability, int syncs)
    {
        await using (var store = await CreateAsync(durability))
        {
            await StoreAllAsync(store);
            Assert.Equal(syncs, _line.Count(Fsync));
            await store.FlushAsync(Ct);
        }
        Assert.Equal(syncs, _line.Count(Fsync));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_is_synced_by_Flush_or_Dispose(bool flushes)
    {
        await using (var store = await CreateAsync(Durability.Batch))
        {
            await StoreAllAsync(store);
            if (flushes)
            {
                await store.FlushAsync(Ct);
                Assert.Equal(Count, _line.Count(Fsync));
                await store.FlushAsync(Ct);
            }
        }
        Assert.Equal(Count, _line.Count(Fsync));
    }

    [Fact]
    public async Task A_batch_is_also_synced_in_the_background()
    {
        await using var store = await CreateAsync(Durability.Batch);
        await StoreAllAsync(store);
        while (_line.Count(Fsync) < Count) await Task.Delay(20, Ct);
    }

    [Fact]
    public async Task Flush_ignores_values_that_were_moved_or_deleted()
    {
        await using var store = await CreateAsync(Durability.Batch);
        await StoreAllAsync(store);
        for (var i = 0; i < Count; i++)
        {
            if (i % 2 == 0) await store.MoveAsync($"data/{i}", $"data/{i}.del", StoreMode.Overwrite, Ct);
            else File.Delete(_folder.Combine("store", "data", $"{i}"));
        }
        await store.FlushAsync(Ct);
    }

    [Theory]
    [InlineData(Durability.Each)]
    [InlineData(Durability.Batch)]
    public async Task A_server_without_fsync_stores_values_and_gets_no_fsync_requests(Durability durability)
    {
        await using (var store = await CreateAsync(durability, hidden: Fsync))
        {
            await StoreAllAsync(store);
            await store.FlushAsync(Ct);
        }
        Assert.Equal(0, _line.Count(Fsync));
        Assert.Equal(Count, Directory.GetFiles(_folder.Combine("store", "data")).Length);
    }

    [Fact]
    public async Task A_value_whose_fsync_fails_is_not_stored()
    {
        await using var store = await CreateAsync(Durability.Each);
        _line.Denied = Fsync;
        var error = await Assert.ThrowsAsync<StoreException>(() => store.StoreAsync("data/a", new byte[10], StoreMode.Overwrite, Ct).AsTask());
        Assert.Contains("to the server's disk", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_failed_sync_is_reported_by_the_next_flush_even_if_that_one_succeeds()
    {
        await using var store = await CreateAsync(Durability.Batch);
        _line.Denied = Fsync;
        await StoreAllAsync(store);
        await FailsAsync();
        await StoreAllAsync(store);
        // Retried in the background.
        for (var before = _line.Count(Fsync); _line.Count(Fsync) == before;) await Task.Delay(20, Ct);
        _line.Denied = null;
        await FailsAsync();
        await store.FlushAsync(Ct);

        async Task FailsAsync()
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => store.FlushAsync(Ct).AsTask());
            Assert.Equal(StoreError.NotSupported, error.Error);
        }
    }

    private static async Task StoreAllAsync(SftpBackend store)
    {
        for (var i = 0; i < Count; i++) await store.StoreAsync($"data/{i}", new byte[10], StoreMode.Overwrite, Ct);
    }

    private Task<SftpBackend> CreateAsync(Durability durability, params string[] hidden)
        => SshServer.OpenWatchedAsync(_server.Url(_folder.Combine("store")), _server.SharedOptions,
            transport => _line = new WatchedTransport(transport, hidden), new BackendOptions { Durability = durability });
}
