using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;
using BorgStore.Hashing;
using BorgStore.Tests.Backends.Files;

namespace BorgStore.Tests.Rclone;

/// <summary>The rclone process: who can access it, what work it is spared, and when it ends.</summary>
public sealed class RcloneProcessTests : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RcloneServerManager _service = new(RcloneProgram.Require());

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _service.StopAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Rclone_ends_when_its_parent_process_is_killed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        Directory.CreateDirectory(_folder.Combine("store"));
        using var storm = Programs.StartStorm("cache", "rclone:" + _folder.Combine("store"), new Uri(_folder.Combine("cache")).AbsoluteUri, "1");
        Assert.Equal("ready", await storm.StandardOutput.ReadLineAsync(Ct));
        var rclone = Assert.Single(ProcessesOf(storm.Id), process => process.Name == "rclone").Id;
        while (Directory.GetFiles(_folder.Combine("store"), "*", SearchOption.AllDirectories).Length < 5) await Task.Delay(20, Ct);
        storm.Kill();
        while (Directory.Exists($"/proc/{rclone}")) await Task.Delay(20, Ct);
    }

    [Fact]
    public async Task Rclone_has_its_own_session_and_no_secret_on_its_command_line()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        var id = (await _service.GetServerAsync(Ct)).Id;
        var (group, session) = (ReadStat(id)[2], ReadStat(id)[3]);
        Assert.Equal(($"{id}", $"{id}"), (group, session));
        Assert.EndsWith("rclone\0rcd\0", await File.ReadAllTextAsync($"/proc/{id}/cmdline", Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_without_the_password_are_unauthorized()
    {
        await File.WriteAllTextAsync(_folder.Combine("file"), "secret", Ct);
        var server = await _service.GetServerAsync(Ct);
        Assert.True(server.Address.IsLoopback);
        using var stranger = new HttpClient { BaseAddress = server.Address };
        using var call = await stranger.PostAsync("core/version", null, Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, call.StatusCode);
        using var load = await stranger.GetAsync($"{Uri.EscapeDataString($"[{_folder.Path}]")}/file", Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, load.StatusCode);
    }

    [Fact]
    public async Task A_call_that_is_repeated_with_a_new_rclone_is_reported()
    {
        var retries = new ConcurrentQueue<StoreRetry>();
        await using var store = new RcloneBackend("rclone:" + _folder.Combine("store"), _service) { Retried = retries.Enqueue };
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        await store.StoreAsync("data/a", new byte[10], StoreMode.Overwrite, Ct);
        Assert.Empty(retries);

        // If its end is noticed before the next call, a new one is started and nothing has to be repeated.
        for (var i = 0; i < 20 && retries.IsEmpty; i++)
        {
            using var rclone = Process.GetProcessById((await _service.GetServerAsync(Ct)).Id);
            rclone.Kill();
            await using var value = await store.LoadAsync("data/a", default, Ct);
            Assert.Equal(new byte[10], await value!.ReadToEndAsync(Ct));
        }
        Assert.NotEmpty(retries);
        Assert.All(retries, retry => Assert.Equal(("data/a", 2), (retry.Name, retry.Attempt)));
    }

    [Fact]
    public async Task Hash_and_move_run_on_the_remote()
    {
        await using var store = new RcloneBackend("rclone:" + _folder.Combine("store"), _service);
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        var value = new byte[1 << 20];
        Random.Shared.NextBytes(value);
        await store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct);

        var (bytes, renames) = await ReadStatisticsAsync();
        Assert.Equal(HashKind.Sha1.ComputeHex(value), await store.HashAsync("data/a", HashKind.Sha1, Ct));
        Assert.Equal(bytes, (await ReadStatisticsAsync()).Bytes);
        // A hash that rclone does not support is computed locally.
        Assert.Equal(HashKind.Blake3.ComputeHex(value), await store.HashAsync("data/a", HashKind.Blake3, Ct));
        Assert.InRange((await ReadStatisticsAsync()).Bytes - bytes, value.Length, 2 * value.Length);
        Assert.True(await store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct));
        Assert.Equal(renames + 1, (await ReadStatisticsAsync()).Renames);
    }

    private async Task<(long Bytes, int Renames)> ReadStatisticsAsync()
    {
        var server = await _service.GetServerAsync(Ct);
        return await server.CallAsync("core/stats", [],
            statistics => (statistics.GetProperty("bytes").GetInt64(), statistics.GetProperty("renames").GetInt32()), Ct);
    }

    private static IEnumerable<(int Id, string Name)> ProcessesOf(int parent)
        => from folder in Directory.GetDirectories("/proc")
           where int.TryParse(Path.GetFileName(folder), out _)
           let id = int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)
           let stat = ReadStat(id)
           where stat.Length > 1 && stat[1] == $"{parent}"
           select (id, Process.GetProcessById(id).ProcessName);

    // Returns the fields after the name: state, parent, group, session and more.
    private static string[] ReadStat(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return [];
        }
    }
}
