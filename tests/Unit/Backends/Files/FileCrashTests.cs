using System.Globalization;
using System.Security.Cryptography;
using BorgStore.Backends;
using BorgStore.Backends.Files;

namespace BorgStore.Tests.Backends.Files;

/// <summary>Kills processes during their work. <c>BORGSTORE_TEST_LONG=1</c> adds many more rounds.</summary>
[Trait("Category", "Long")]
public sealed class FileCrashTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static int Rounds => Environment.GetEnvironmentVariable("BORGSTORE_TEST_LONG") == "1" ? 100 : 8;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task After_a_kill_every_value_is_complete_and_every_acknowledged_value_exists()
    {
        var path = _directory["store"];
        await using (var creator = new FileBackend(path)) await creator.CreateAsync(Ct);
        var acknowledged = new HashSet<string>();
        for (var round = 0; round < Rounds; round++)
        {
            using var storm = Programs.StartStorm("crash", path, round.ToString(CultureInfo.InvariantCulture));
            var first = await storm.StandardOutput.ReadLineAsync(Ct);
            Assert.StartsWith("+ ", first, StringComparison.Ordinal);
            var reading = storm.StandardOutput.ReadToEndAsync(Ct);
            await Task.Delay(20 + round * 37 % 150, Ct);
            storm.Kill();
            await storm.WaitForExitAsync(Ct);
            // The last line may be cut off, and then does not count.
            var lines = (first + "\n" + await reading).Split('\n')[..^1];
            acknowledged.UnionWith(lines.Select(line => line[2..]));
        }

        await using var backend = new FileBackend(path);
        await backend.OpenAsync(Ct);
        var found = new HashSet<string>();
        await foreach (var item in backend.ListAsync("", ListScope.Tree, Ct))
        {
            var name = item.Name.EndsWith(".del", StringComparison.Ordinal) ? item.Name[..^4] : item.Name;
            await using var stream = await backend.LoadAsync(item.Name, ByteRange.Whole, Ct);
            Assert.Equal(name[^64..], Convert.ToHexStringLower(SHA256.HashData(await stream!.ReadToEndAsync(Ct))));
            found.Add(name);
        }
        Assert.NotEmpty(acknowledged);
        Assert.Superset(acknowledged, found);

        await foreach (var item in backend.ListTemporaryAsync(TimeSpan.Zero, Ct)) Assert.True(await backend.DeleteTemporaryAsync(item, Ct));
        Assert.DoesNotContain(TestDirectory.FilesBelow(path), file => file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Processes_share_one_quota_even_if_one_is_killed()
    {
        const long Limit = 100_000;
        var path = _directory["store"];
        await using (var creator = new FileBackend(path)) await creator.CreateAsync(Ct);
        for (var round = 0; round < Math.Max(1, Rounds / 8); round++)
        {
            var processes = Enumerable.Range(0, 8).Select(i => Programs.StartStorm(
                "quota", path, $"{Limit}", $"{round * 8 + i}", i == 0 ? "1000000" : "500")).ToList();
            var outputs = new List<string>();
            foreach (var process in processes) Assert.Equal("ready", await process.StandardOutput.ReadLineAsync(Ct));
            await Task.Delay(50 + round, Ct);
            processes[0].Kill();
            foreach (var process in processes)
            {
                outputs.Add(await process.StandardOutput.ReadToEndAsync(Ct));
                await process.WaitForExitAsync(Ct);
                process.Dispose();
            }
            Assert.Contains(outputs, output => !output.Contains("refused 0", StringComparison.Ordinal));

            var bytes = TestDirectory.FilesBelow(Path.Combine(path, "data")).Where(file => !file.EndsWith(".tmp", StringComparison.Ordinal))
                .Sum(file => new FileInfo(Path.Combine(path, "data", file)).Length);
            Assert.InRange(bytes, 1, Limit);
            await using var backend = new FileBackend(path, new BackendOptions { Quota = Limit });
            await backend.OpenAsync(Ct);
            Assert.Equal(bytes, (await backend.GetQuotaAsync(Ct)).Used);
        }
    }
}
