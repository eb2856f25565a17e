using System.Security.Cryptography;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Layout;
using BorgStore.Synchronization;
using BorgStore.Tests.Backends.Files;
using BorgStore.Tests.Rclone;
using BorgStore.Tests.S3.Servers;
using BorgStore.Tests.Server;
using BorgStore.Tests.Sftp;
using BorgStore.Tests.Stores;

namespace BorgStore.Tests.Synchronization;

/// <summary>Synchronisation between real storages, and after processes were killed.</summary>
public sealed class SyncStorageTests(CephServer ceph) : StoreFixture
{
    private static int Rounds => LongTests.Choose(quick: 6, @long: 100);

    [Theory]
    [Trait("Category", "Server")]
    [InlineData("borg-b25")]
    [InlineData("borg-b22")]
    public async Task A_Borg_repository_comes_back_from_all_storages_as_it_was(string name)
    {
        var origin = Unpack(name);
        Assert.SkipWhen(OpenSshServer.Instance.Missing is not null, OpenSshServer.Instance.Missing ?? "");
        RcloneProgram.Require();
        var bucket = await ceph.GetAsync();
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--backend", UrlOf("rest"));
        await using (server)
        {
            List<Store> stores = [await Store.OpenAsync(new(new Uri(origin).AbsoluteUri))];
            try
            {
                stores.Add(await Store.CreateAsync(OptionsFor(url)));
                stores.Add(await Store.CreateAsync(OptionsFor(bucket.UrlOf($"sync-{Guid.NewGuid():n}"))));
                stores.Add(await CreateAsync(SshAccess.CreateBackend(OpenSshServer.Instance.Url(Folder.Combine("sftp")), OpenSshServer.Instance.SharedOptions)));
                stores.Add(await CreateAsync(new RcloneBackend("rclone:" + Folder.Combine("rclone"))));
                stores.Add(await Store.CreateAsync(OptionsFor(UrlOf("back"))));
                foreach (var (source, destination) in stores.Zip(stores.Skip(1)))
                {
                    await RunAsync(source, destination);
                    Assert.Empty(await new StoreComparison(source, destination, new() { Check = ContentCheck.Hash }).RunAsync()
                        .Where(difference => !difference.Name.StartsWith("locks/", StringComparison.Ordinal)).ToListAsync());
                }
            }
            finally
            {
                foreach (var store in stores) await store.DisposeAsync();
            }
        }
        Assert.Equal(FilesIn(origin), FilesIn(Folder.Combine("back")));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_killed_synchronisation_leaves_no_archive_without_its_packs_and_is_completed_by_the_next()
    {
        var origin = Unpack("borg-b22");
        await using (var source = await Store.OpenAsync(new(new Uri(origin).AbsoluteUri) { Layout = StoreLayout.Borg2 }))
        {
            for (var i = 0; i < 300; i++)
            {
                var pack = RandomNumberGenerator.GetBytes(20_000);
                await source.StoreAsync($"packs/{Convert.ToHexStringLower(SHA256.HashData(pack))}", pack);
            }
        }
        await (await Store.CreateAsync(OptionsFor(UrlOf("copy")))).DisposeAsync();
        var (expected, archives) = (FilesIn(origin), 0);
        for (var round = 0; round <= Rounds; round++)
        {
            using var storm = Programs.StartStorm("sync", new Uri(origin).AbsoluteUri, UrlOf("copy"));
            Assert.Equal("begun", await storm.StandardOutput.ReadLineAsync());
            if (round == Rounds) Assert.Equal("done", await storm.StandardOutput.ReadLineAsync());
            else await Task.Delay(Random.Shared.Next(1, 60));
            storm.Kill();
            await storm.WaitForExitAsync();
            // Half of what is there is taken away again, archives first as borg would, so that the next round has something to do.
            var found = FilesIn(Folder.Combine("copy"));
            if (found.Any(file => file.StartsWith("archives/", StringComparison.Ordinal)))
            {
                archives++;
                Assert.Equal(expected.Where(IsReferred), found.Where(IsReferred));
            }
            if (round >= Rounds - 1) continue;
            foreach (var file in Directory.GetFiles(Folder.Combine("copy"), "*", SearchOption.AllDirectories).OrderBy(file => !file.Contains("archives", StringComparison.Ordinal)))
                if (file.Contains("archives", StringComparison.Ordinal) || Random.Shared.Next(2) == 0) File.Delete(file);
        }
        Assert.True(archives > 0);
        Assert.Equal(expected, FilesIn(Folder.Combine("copy")));

        static bool IsReferred(string file) => file.Split('/')[0] is "packs" or "index" or "keys" or "config";
    }

    private string UrlOf(string name) => new Uri(Folder.Combine(name)).AbsoluteUri;

    private static StoreOptions OptionsFor(string url) => new(url) { Layout = StoreLayout.Borg2 };

    private static async Task<Store> CreateAsync(IBackend backend)
    {
        await backend.CreateAsync(default);
        return await Store.OpenAsync(backend, OptionsFor("test:"));
    }

    private static async Task RunAsync(Store source, Store destination)
    {
        using var sync = new StoreSync(source, destination, new() { IsVerified = true });
        foreach (var phase in sync.Phases)
            await Parallel.ForEachAsync(sync.PlanAsync(phase), async (step, token) => await sync.ApplyAsync(step, cancellationToken: token));
    }

    // The files of the repository with their hashes, without what is the source's own: locks, and left-overs that a kill made.
    private static List<string> FilesIn(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => (Path: file, Name: Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/')))
            .Where(file => file.Name.Contains('/') && !file.Name.StartsWith("locks/", StringComparison.Ordinal) && !file.Name.EndsWith(".tmp", StringComparison.Ordinal))
            .Select(file => $"{file.Name} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file.Path)))}").Order(StringComparer.Ordinal),
    ];
}
