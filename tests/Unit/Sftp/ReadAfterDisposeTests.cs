using BorgStore.Backends;

namespace BorgStore.Tests.Sftp;

/// <summary>Streams that read ahead by themselves, of a store that is closed.</summary>
public sealed class ReadAfterDisposeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reading_the_rest_of_a_gather_after_Dispose_fails()
    {
        var server = OpenSshServer.Instance;
        Assert.SkipWhen(server.Missing is not null, server.Missing ?? "");
        using var folder = new TemporaryFolder();
        var requests = 0;
        var store = await SshServer.OpenWatchedAsync(server.Url(folder.Combine("store")), server.SharedOptions, transport => new WatchedTransport(transport)
        {
            Loses = _ =>
            {
                Interlocked.Increment(ref requests);
                return Loss.None;
            },
        });
        await store.StoreAsync("data/a", new byte[10_000_000], StoreMode.Overwrite, Ct);
        // More than the two windows that are in memory.
        await using var stream = await store.GatherAsync([.. Enumerable.Repeat(new Block("data/a", 0, 10_000_000), 4)], Ct);
        await stream.ReadExactlyAsync(new byte[1], Ct);
        // Waits for the window that is being read.
        await store.DisposeAsync();
        var before = requests;
        var error = await Assert.ThrowsAsync<StoreException>(() => stream.CopyToAsync(Stream.Null, Ct));
        Assert.Equal(StoreError.StoreNotOpen, error.Error);
        Assert.Equal(before, requests);
    }
}
