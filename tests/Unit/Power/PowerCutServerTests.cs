using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Tests.Server;

namespace BorgStore.Tests.Power;

/// <summary>Cuts the power of our server, a process of its own, on a file system that then really loses what was not synced.</summary>
[Trait("Category", "Server")]
public sealed class PowerCutServerTests
{
    [Fact]
    public async Task Nothing_acknowledged_by_the_server_is_lost()
        => await CutAsync(PowerDisk.StartAsync, 4, 100, syncsAll: false);

    [Fact]
    public async Task Nothing_acknowledged_by_the_server_is_lost_on_ext4()
        => await CutAsync(() => ImageDisk.StartAsync("ext4", 64), 3, 100, syncsAll: true);

    private static async Task CutAsync<T>(Func<Task<T>> start, int cuts, int longCuts, bool syncsAll)
        where T : IPowerSupply
    {
        var first = CutSeeds.First;
        var wanted = LongTests.Choose(cuts, longCuts);
        var (done, acknowledged, losses) = (0, 0, default(Losses));
        while (done < wanted)
        {
            await using var disk = await start();
            var opened = 0;
            // Every other time, the client asks the server to flush each change.
            var trial = new CutTrial(disk, 1 << 30, options => OpenAsync(Path.Combine(disk.Path, "store"), options, syncsAll, asksForEach: ++opened / 2 % 2 == 0));
            while (trial.Cuts < 20 && done + trial.Cuts < wanted) await trial.RunAsync(first + done + trial.Cuts);
            done += trial.Cuts;
            acknowledged += trial.Acknowledged;
            losses += trial.Losses;
        }
        CutSeeds.Report(first, done, acknowledged, losses);
    }

    private static async Task<CutTrial.Session> OpenAsync(string root, BackendOptions options, bool syncsAll, bool asksForEach)
    {
        if (!Directory.Exists(root))
            await using (var creator = new FileBackend(root)) await creator.CreateAsync(default);
        var isBatch = asksForEach || options.Durability == Durability.Batch;
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", new Uri(root).AbsoluteUri,
            "--durability", isBatch ? "batch" : "each", "--quota", $"{options.Quota}");
        var client = new RestBackend(url, new BackendOptions { Durability = asksForEach ? options.Durability : Durability.None });
        // The server does not come back.
        client.Client.Retry = RetrySchedule.Never;
        await client.OpenAsync(default);
        // Until it is asked to flush, a batch may have names without bytes.
        return new(client, syncsAll && isBatch, async () =>
        {
            // As the power cut ends it: not asked to.
            server.Process.Kill();
            await server.Process.WaitForExitAsync();
            await server.DisposeAsync();
            try
            {
                await client.DisposeAsync();
            }
            catch (StoreException)
            {
                // It could not be flushed, because the server is gone.
            }
        });
    }
}
