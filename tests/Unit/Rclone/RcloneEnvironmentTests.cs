using System.Net;
using System.Net.Sockets;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;

namespace BorgStore.Tests.Rclone;

/// <summary>Our rclone ignores the settings in the environment that are meant for rclone at the prompt.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class RcloneEnvironmentTests
{
    [Fact]
    public async Task RCLONE_variables_set_for_interactive_use_have_no_effect()
    {
        using var folder = new TemporaryFolder();
        var settings = new Dictionary<string, string>
        {
            ["RCLONE_DRY_RUN"] = "true",
            ["RCLONE_EXCLUDE"] = "*",
            ["RCLONE_MAX_SIZE"] = "1",
            ["RCLONE_NO_CHECK_DEST"] = "true",
            ["RCLONE_LOG_FILE"] = folder.Combine("log"),
            ["RCLONE_QUIET"] = "true",
            ["RCLONE_RC_NO_AUTH"] = "true",
            ["RCLONE_RC_USER"] = "other",
            ["RCLONE_RC_SERVE"] = "false",
        };
        var service = new RcloneServerManager(RcloneProgram.Require());
        foreach (var (name, value) in settings) Environment.SetEnvironmentVariable(name, value);
        try
        {
            await using var store = new RcloneBackend("rclone:" + folder.Combine("store"), service);
            await store.CreateAsync(default);
            await store.OpenAsync(default);
            await store.StoreAsync("data/a", new byte[] { 1, 2 }, StoreMode.Overwrite, default);
            await using var stream = await store.LoadAsync("data/a", default, default);
            Assert.Equal([1, 2], (await stream!.ReadToEndAsync()).Select(b => (int)b));
            var names = new List<string>();
            await foreach (var item in store.ListAsync("", ListScope.Tree, default)) names.Add(item.Name);
            Assert.Equal(["data/a"], names);
        }
        finally
        {
            foreach (var name in settings.Keys) Environment.SetEnvironmentVariable(name, null);
            await service.StopAsync();
        }
    }

    [Fact]
    public async Task A_silent_remote_times_out_after_RCLONE_TIMEOUT()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var service = new RcloneServerManager(RcloneProgram.Require());
        Environment.SetEnvironmentVariable("RCLONE_TIMEOUT", "500ms");
        Environment.SetEnvironmentVariable("RCLONE_LOW_LEVEL_RETRIES", "1");
        try
        {
            await using var store = new RcloneBackend($"rclone::webdav,url='http://{silent.LocalEndpoint}/':store", service);
            var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default));
            Assert.True(error.Error == StoreError.Timeout, error.Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable("RCLONE_TIMEOUT", null);
            Environment.SetEnvironmentVariable("RCLONE_LOW_LEVEL_RETRIES", null);
            await service.StopAsync();
        }
    }

    [Fact]
    public async Task RCLONE_BINARY_selects_the_program()
    {
        var service = new RcloneServerManager();
        Environment.SetEnvironmentVariable("RCLONE_BINARY", "/no/such/rclone");
        try
        {
            await using var store = new RcloneBackend("rclone:remote:", service);
            var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(default));
            Assert.Contains("/no/such/rclone", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable("RCLONE_BINARY", null);
        }
    }
}
