using System.Globalization;
using BorgStore.Backends.Files;

namespace BorgStore.Tests.Power;

/// <summary>Cuts the power of stores in folders, with file systems that then really lose what was not synced.
/// <c>BORGSTORE_TEST_LONG=1</c> cuts it a thousand times, and <c>BORGSTORE_TEST_SEED</c> repeats a run.</summary>
public sealed class PowerCutTests
{
    // A fresh disk after that many cuts, so that there is never much to read. Every other one has a quota.
    private const int CutsOfDisk = 20;

    [Fact]
    public async Task Nothing_durable_is_lost_where_files_are_synced_one_by_one()
        => await CutAsync(PowerDisk.StartAsync, 10, 500, _ => LinuxFiles);

    [Fact]
    public async Task Nothing_durable_is_lost_where_one_sync_is_shared()
        => await CutAsync(PowerDisk.StartAsync, 5, 200, SharedSync, syncsAll: true);

    [Theory]
    [InlineData("ext4", 64)]
    [InlineData("xfs", 320)]
    [InlineData("btrfs", 128)]
    public async Task Nothing_durable_is_lost_on_file_systems_of_the_kernel(string type, int size)
        => await CutAsync(() => ImageDisk.StartAsync(type, size), 3, 100, _ => LinuxFiles, syncsAll: true);

    [Fact]
    public async Task A_value_that_was_never_synced_is_lost()
        => await ExpectLossAsync(_ => LinuxFiles, keepsPromise: false);

    [Theory]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public async Task Every_kind_of_sync_is_needed(bool withoutFiles, bool withoutDirectories, bool withoutAll)
        => await ExpectLossAsync(_ => root => new UnsyncedFileSystem(FileSystem.For(root))
        {
            LeavesOutFiles = withoutFiles,
            LeavesOutDirectories = withoutDirectories,
            SyncingAll = withoutAll ? () => { } : null,
        });

    private static FileSystem LinuxFiles(string root) => FileSystem.For(root);

    // The kernel does not forward syncfs to programs, and so the store does not trust it there.
    private static Func<string, FileSystem> SharedSync(PowerDisk disk) => root => new UnsyncedFileSystem(FileSystem.For(root))
    {
        SyncingAll = () =>
        {
            if (!disk.SyncAsync().GetAwaiter().GetResult()) throw new StoreException(StoreError.BackendFailure, "input/output error");
        },
    };

    private static async Task CutAsync<T>(
        Func<Task<T>> start, int cuts, int longCuts, Func<T, Func<string, FileSystem>> files, bool syncsAll = false)
        where T : IPowerSupply
    {
        var first = CutSeeds.First;
        var wanted = LongTests.Choose(cuts, longCuts);
        var (done, acknowledged, losses) = (0, 0, default(Losses));
        for (var number = 0; done < wanted; number++)
        {
            await using var disk = await start();
            var trial = StartTrial(disk, syncsAll, number % 2 == 1 ? 1 << 30 : null, files(disk));
            var round = LongTests.Choose(cuts / 2 + 1, CutsOfDisk);
            while (trial.Cuts < round && done + trial.Cuts < wanted) await trial.RunAsync(first + done + trial.Cuts);
            done += trial.Cuts;
            acknowledged += trial.Acknowledged;
            losses += trial.Losses;
        }
        CutSeeds.Report(first, done, acknowledged, losses);
    }

    // Without it, a test could not fail.
    private static async Task ExpectLossAsync(Func<PowerDisk, Func<string, FileSystem>> files, bool keepsPromise = true)
    {
        var first = CutSeeds.First;
        for (var seed = first; seed < first + 60; seed++)
        {
            await using var disk = await PowerDisk.StartAsync();
            var trial = StartTrial(disk, syncsAll: false, quota: null, files(disk), keepsPromise ? null : Durability.None);
            if ((await trial.FindBrokenAsync(seed)).Count > 0) return;
        }
        Assert.Fail("Nothing was lost.");
    }

    private static CutTrial StartTrial(IPowerSupply disk, bool syncsAll, long? quota, Func<string, FileSystem> files, Durability? durability = null)
        => new(disk, quota, async options =>
        {
            var root = Path.Combine(disk.Path, "store");
            if (!Directory.Exists(root))
                await using (var creator = new FileBackend(root)) await creator.CreateAsync(default);
            var backend = new FileBackend(root, options with { Durability = durability ?? options.Durability }, files);
            await backend.OpenAsync(default);
            return new(backend, syncsAll && options.Durability == Durability.Batch, async () =>
            {
                try
                {
                    await backend.DisposeAsync();
                }
                catch (StoreException)
                {
                    // It could not be flushed, because the power is off.
                }
            });
        });
}

/// <summary>The seeds of power cuts.</summary>
internal static class CutSeeds
{
    /// <summary>The first seed of a run.</summary>
    public static int First { get; } = Environment.GetEnvironmentVariable("BORGSTORE_TEST_SEED") is { Length: > 0 } seed
        ? int.Parse(seed, CultureInfo.InvariantCulture)
        : Random.Shared.Next(1_000_000_000);

    public static void Report(int first, int cuts, int acknowledged, Losses losses) => TestContext.Current.TestOutputHelper?.WriteLine(
        $"{cuts} cuts from seed {first} on: {acknowledged} changes acknowledged as durable, of the others {losses.Names} names and {losses.Pages} pages of 4096 bytes lost");
}
