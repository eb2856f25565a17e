using System.Diagnostics;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Tests.Model.Driver;
using BorgStore.Tests.Rclone;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.Model;

/// <summary>Stores against the model while something goes wrong: what failed may or may not have happened, but what was acknowledged stays, and no answer
/// is ever wrong.</summary>
[Trait("Category", "Server")]
public sealed class FaultModelTests(CephServer ceph)
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(2.5);

    [Theory]
    [InlineData("sftp")]
    [InlineData("http")]
    [InlineData("s3")]
    public async Task Broken_lines_make_no_answer_wrong(string kind)
    {
        LongTests.Require("Every run checks folders, with faults of the file system");
        var (place, line, _) = await ModelServers.MakeAsync(kind, ceph, overLine: true);
        await using (place)
        {
            // A connection over ssh takes longer to come back.
            var pause = kind == "sftp" ? 3000 : 500;
            ModelFault[] faults = [.. new[] { ModelFaults.Cut(line!), ModelFaults.Stall(line!), ModelFaults.Slow(line!) }.Select(fault => fault with { Pause = pause })];
            var run = await new ModelRun(place, faults).RunAsync(Usual);
            Assert.True(run.Faults > 0);
        }
    }

    [Fact]
    public async Task A_killed_server_keeps_what_it_acknowledged()
    {
        LongTests.Require("Every run checks folders, with faults of the file system");
        var (place, _, server) = await ModelServers.MakeAsync("http", ceph);
        await using (place) Assert.True((await new ModelRun(place, ModelFaults.Kill(server!)).RunAsync(Usual)).Faults > 0);
    }

    [Fact]
    public async Task A_killed_rclone_keeps_what_it_acknowledged()
    {
        LongTests.Require("Every run checks folders, with faults of the file system");
        var service = new RcloneServerManager(RcloneProgram.Require());
        await using (var place = new ModelPlace { Kind = "rclone", Repeats = true, Traits = ModelServers.TraitsOf("rclone") })
        {
            place.Create = () => new RcloneBackend($"rclone:{place.StorePath}", service);
            await place.CreateStoreAsync();
            Assert.True((await new ModelRun(place, ModelFaults.Kill(service)).RunAsync(Usual)).Faults > 0);
        }
        await service.StopAsync();
    }

    [Fact]
    public async Task A_full_disk_makes_no_answer_wrong()
    {
        await using var place = new ModelPlace { Kind = "file on a full disk" };
        await place.MountAsync("size=12m");
        place.Address = new(new Uri(place.StorePath).AbsoluteUri);
        await place.CreateStoreAsync();
        Assert.True((await new ModelRun(place, ModelFaults.Fill(Path.GetDirectoryName(place.StorePath)!)).RunAsync(Usual)).Faults > 0);
    }

    [Fact]
    public async Task A_quota_makes_no_answer_wrong()
    {
        await using var place = new ModelPlace { Kind = "file with a quota" };
        place.Address = new(new Uri(place.StorePath).AbsoluteUri, Quota: 600_000);
        await place.CreateStoreAsync();
        await new ModelRun(place).RunAsync(Usual);
        await using var backend = place.CreateBackend();
        await backend.OpenAsync(TestContext.Current.CancellationToken);
        var files = Directory.EnumerateFiles(place.StorePath, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".hid", StringComparison.Ordinal));
        Assert.Equal(files.Sum(file => new FileInfo(file).Length), (await backend.GetQuotaAsync(TestContext.Current.CancellationToken)).Used);
    }

    [Fact]
    public async Task A_file_in_place_of_a_directory_makes_no_answer_wrong()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux exchanges two names at once.");
        await using var place = await ModelPlace.OnFolderAsync();
        Assert.True((await new ModelRun(place, ModelFaults.ReplaceDirectory(place.StorePath, new ModelPlan().Groups)).RunAsync(Usual)).Faults > 0);
    }

    [Theory]
    [InlineData("rights")]
    [InlineData("descriptors")]
    public async Task A_server_that_lacks_something_gives_no_wrong_answer(string what)
    {
        LongTests.Require("Every run checks folders, with faults of the file system");
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "Another user runs the server, which root must start.");
        await using var place = new ModelPlace { Kind = $"http without {what}", Repeats = true };
        Directory.CreateDirectory(place.StorePath);
        using (var change = Process.Start("chown", ["65534", place.Folder, place.StorePath])) await change.WaitForExitAsync(TestContext.Current.CancellationToken);
        var server = place.Own(await new ModelServer(place.StorePath, "setpriv", "--reuid=65534", "--clear-groups", "env", "HOME=/nonexistent", "DOTNET_BUNDLE_EXTRACT_BASE_DIR=").StartAsync());
        place.Address = new($"http://127.0.0.1:{server.Port}");
        var fault = what == "rights" ? ModelFaults.TakeRights(place.StorePath) : ModelFaults.ExhaustFiles(() => server.Id);
        Assert.True((await new ModelRun(place, fault).RunAsync(Usual)).Faults > 0);
    }

    [Fact]
    public async Task A_process_without_descriptors_gives_no_wrong_answer()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems have no such limit per process, or no prlimit.");
        await using var place = await ModelPlace.OnFolderAsync();
        var client = new ProcessClient(new(place.Address!, new ModelPlan { Seed = ModelRun.Seed, Cancelled = 0 }, [0, 1, 2, 3, 4, 5]), [], place.Environment);
        Assert.True((await new ModelRun(place, ModelFaults.ExhaustFiles(() => client.WarmId)).RunAsync(Usual, _ => Task.FromResult<IReadOnlyList<IModelClient>>([client]))).Faults > 0);
    }
}
