using BorgStore.Tests.Model.Driver;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.Model;

/// <summary>Real servers against the model: with two clients in this process, and with clients in several processes, one of which is killed now and then.</summary>
[Trait("Category", "Server")]
public sealed class ServerModelTests(CephServer ceph)
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("sftp")]
    [InlineData("http")]
    [InlineData("s3")]
    [InlineData("rclone")]
    public async Task A_server_agrees_with_the_model(string kind)
    {
        if (kind == "s3") LongTests.Require("Every run checks folders and the other servers");
        var (place, _, _) = await ModelServers.MakeAsync(kind, ceph);
        await using (place) await new ModelRun(place).RunAsync(Usual);
    }

    [Theory]
    [InlineData("file")]
    [InlineData("portable file")]
    [InlineData("sftp")]
    [InlineData("http")]
    [InlineData("s3")]
    public async Task Several_processes_agree_with_the_model_while_one_is_killed(string kind)
    {
        if (!kind.EndsWith("file", StringComparison.Ordinal)) LongTests.Require("Every run checks folders from several processes, and servers from several threads");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux is known to have one clock for all processes.");
        await using var place = kind.EndsWith("file", StringComparison.Ordinal) ? await ModelPlace.OnFolderAsync(isPortable: kind != "file") : (await ModelServers.MakeAsync(kind, ceph)).Place;
        ProcessClient[] clients = [.. Enumerable.Range(0, 3).Select(number => new ProcessClient(
            new(place.Address!, new ModelPlan { Seed = ModelRun.Seed, Cancelled = 0 }, [number * 2, (number * 2) + 1]), [], place.Environment))];
        // The others always run to their end.
        await new ModelRun(place, ModelFaults.Kill(clients[0])).RunAsync(2 * Usual, _ => Task.FromResult<IReadOnlyList<IModelClient>>(clients));
    }
}
