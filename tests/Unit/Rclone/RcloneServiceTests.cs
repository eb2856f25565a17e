using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BorgStore.Backends;
using BorgStore.Backends.Rclone;
using BorgStore.Backends.Rclone.Connection;

namespace BorgStore.Tests.Rclone;

/// <summary>How rclone is started, shared, lost and restarted, and the errors if that fails.</summary>
public sealed class RcloneServiceTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<RcloneServerManager> _services = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string StoreFolder => _folder.Combine("store");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services) await service.StopAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_missing_program_is_named_with_advice()
    {
        var error = await OpenFailsAsync(StoreError.NotSupported, Service("/no/such/rclone"), "rclone:remote:");
        Assert.Contains("/no/such/rclone", error.Message, StringComparison.Ordinal);
        Assert.Contains("RCLONE_BINARY", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_output_of_a_program_that_exits_immediately_is_quoted()
    {
        var program = Script("echo 'Error: unknown command \"rcd\"' >&2; exit 3");
        var error = await OpenFailsAsync(StoreError.NotSupported, Service(program), "rclone:remote:");
        Assert.Contains("status 3", error.Message, StringComparison.Ordinal);
        Assert.Contains("Error: unknown command", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_version_that_is_too_old_is_rejected()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = AnswerAsync(listener, """{"decomposed":[1,56,2],"version":"v1.56.2"}""");
        var program = Script($"echo 'NOTICE: Serving remote control on http://{listener.LocalEndpoint}/' >&2; read -r line");
        var error = await OpenFailsAsync(StoreError.NotSupported, Service(program), "rclone:remote:");
        Assert.Contains("rclone 1.56, but 1.57 or later is required", error.Message, StringComparison.Ordinal);
        await serving;
    }

    [Fact]
    public async Task A_remote_that_is_not_configured_is_reported()
    {
        var error = await OpenFailsAsync(StoreError.InvalidUrl, Service(), "rclone:no-such-remote:path");
        Assert.Contains("rclone config", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_in_a_connection_string_is_never_shown()
    {
        var error = await OpenFailsAsync(StoreError.ConnectionLost, Service(), "rclone::sftp,host=127.0.0.1,port=1,user=me,pass=8_JpXsp-O7HghqCJNc1224E6DgnOcw:x");
        Assert.DoesNotContain("8_JpXsp", error.ToString(), StringComparison.Ordinal);
        // Rclone's own message.
        Assert.Contains("connection refused", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_stores_share_one_process_that_ends_when_stopped()
    {
        var service = Service();
        await using var first = await CreateAsync(service, StoreFolder);
        await using var second = await CreateAsync(service, _folder.Combine("other"));
        var id = (await service.GetServerAsync(Ct)).Id;
        Assert.Equal(id, (await service.GetServerAsync(Ct)).Id);

        await service.StopAsync();
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(id));
        Assert.Null(await first.FindAsync("data/a", Ct));
        Assert.NotEqual(id, (await service.GetServerAsync(Ct)).Id);
    }

    [Fact]
    public async Task A_killed_rclone_is_restarted_and_no_acknowledged_value_is_lost()
    {
        var service = Service();
        await using var store = await CreateAsync(service, StoreFolder);
        var (count, kills) = LongTests.Choose((300, 4), (5000, 40));
        var done = 0;
        var killing = Task.Run(async () =>
        {
            for (var kill = 1; kill <= kills; kill++)
            {
                while (Volatile.Read(ref done) < kill * count / (kills + 1)) await Task.Delay(1, Ct);
                using var process = Process.GetProcessById((await service.GetServerAsync(Ct)).Id);
                process.Kill();
            }
        }, Ct);
        var acknowledged = new System.Collections.Concurrent.ConcurrentDictionary<int, byte[]>();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Ct }, async (i, token) =>
        {
            var value = Value(i);
            try
            {
                await store.StoreAsync($"data/{i:x4}", value, StoreMode.Overwrite, token);
                acknowledged[i] = value;
                Assert.Equal(value, await LoadAsync(store, $"data/{i:x4}"));
            }
            catch (StoreException e) when (e.Error == StoreError.ConnectionLost)
            {
                // Operations in progress may fail, but must report it.
            }
            Interlocked.Increment(ref done);
        });
        await killing;

        Assert.InRange(acknowledged.Count, count / 2, count);
        foreach (var (i, value) in acknowledged) Assert.Equal(value, await LoadAsync(store, $"data/{i:x4}"));
        foreach (var item in await ListAsync(store)) Assert.Equal(Value(Convert.ToInt32(item.Name[^4..], 16)), await LoadAsync(store, item.Name));
        await foreach (var left in store.ListTemporaryAsync(TimeSpan.Zero, Ct)) await store.DeleteTemporaryAsync(left, Ct);
        Assert.Equal((await ListAsync(store)).Count, Directory.EnumerateFiles(StoreFolder, "*", SearchOption.AllDirectories).Count());

        static byte[] Value(int i)
        {
            var value = new byte[i % 7 == 0 ? 300_000 : 1000];
            new Random(i).NextBytes(value);
            return value;
        }
    }

    [Fact]
    public async Task Stopping_rclone_during_operations_causes_only_ConnectionLost()
    {
        var service = Service();
        await using var store = await CreateAsync(service, StoreFolder);
        using var enough = new CancellationTokenSource();
        var users = Enumerable.Range(0, 32).Select(i => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    await store.StoreAsync($"data/{i}", new byte[100], StoreMode.Overwrite, Ct);
                    await store.FindAsync($"data/{i}", Ct);
                }
                catch (StoreException e)
                {
                    Assert.Equal(StoreError.ConnectionLost, e.Error);
                }
            }
        }, Ct)).ToList();
        for (var i = 0; i < 5; i++)
        {
            var id = (await service.GetServerAsync(Ct)).Id;
            await Task.Delay(100, Ct);
            await service.StopAsync();
            Assert.Throws<ArgumentException>(() => Process.GetProcessById(id));
        }
        await enough.CancelAsync();
        await Task.WhenAll(users);
        await store.FindAsync("data/0", Ct);
    }

    [Fact]
    public async Task A_large_load_is_retried_after_rclone_was_killed()
    {
        var service = Service();
        await using var store = await CreateAsync(service, StoreFolder);
        var value = new byte[30 << 20];
        new Random(1).NextBytes(value);
        await store.StoreAsync("data/a", value, StoreMode.Overwrite, Ct);
        await using var stream = await store.LoadAsync("data/a", ByteRange.Whole, Ct);
        await using var pieces = await store.LoadAsync("data/a", ByteRange.Whole, Ct);
        using (var process = Process.GetProcessById((await service.GetServerAsync(Ct)).Id)) process.Kill();
        Assert.Equal(value, await stream!.ReadToEndAsync(Ct));
        var error = await Assert.ThrowsAsync<StoreException>(() => pieces!.CopyToAsync(Stream.Null, Ct));
        Assert.Equal(StoreError.ConnectionLost, error.Error);
    }

    [Fact]
    public async Task An_unresponsive_rclone_is_ended_and_replaced()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no signal that stops a process.");
        var service = Service(stallTimeout: TimeSpan.FromSeconds(1));
        await using var store = await CreateAsync(service, StoreFolder);
        await store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, Ct);
        var id = (await service.GetServerAsync(Ct)).Id;
        using (var stop = Process.Start("kill", ["-STOP", $"{id}"])) await stop.WaitForExitAsync(Ct);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("data/none", Ct).AsTask().WaitAsync(TimeSpan.FromMinutes(1), Ct));
        Assert.Equal(StoreError.Timeout, error.Error);
        Assert.Equal([1], await LoadAsync(store, "data/a"));
        Assert.NotEqual(id, (await service.GetServerAsync(Ct)).Id);
    }

    [Fact]
    public async Task A_path_with_a_closing_bracket_is_rejected()
    {
        var folder = _folder.Combine("a]b");
        await using var store = new RcloneBackend($"rclone:{folder}", Service());
        await store.CreateAsync(Ct);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Ct));
        Assert.Equal(StoreError.NotSupported, error.Error);
    }

    private static async Task<byte[]?> LoadAsync(RcloneBackend store, string name)
    {
        await using var stream = await store.LoadAsync(name, ByteRange.Whole, Ct);
        return stream is null ? null : await stream.ReadToEndAsync(Ct);
    }

    private static async Task<List<ItemInfo>> ListAsync(RcloneBackend store)
    {
        var items = new List<ItemInfo>();
        await foreach (var item in store.ListAsync("", ListScope.Tree, Ct)) items.Add(item);
        return items;
    }

    private static async Task<RcloneBackend> CreateAsync(RcloneServerManager service, string folder)
    {
        var store = new RcloneBackend($"rclone:{folder}", service);
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        return store;
    }

    private static async Task<StoreException> OpenFailsAsync(StoreError expected, RcloneServerManager service, string url)
    {
        await using var store = new RcloneBackend(url, service);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Ct));
        Assert.Equal(expected, error.Error);
        return error;
    }

    private static async Task AnswerAsync(TcpListener listener, string body)
    {
        using var client = await listener.AcceptTcpClientAsync(Ct);
        var stream = client.GetStream();
        await stream.ReadAtLeastAsync(new byte[4096], 10, cancellationToken: Ct);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"), Ct);
    }

    private RcloneServerManager Service(string? program = null, TimeSpan? stallTimeout = null)
    {
        var service = new RcloneServerManager(program ?? RcloneProgram.Require(), stallTimeout);
        _services.Add(service);
        return service;
    }

    private string Script(string body)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The program is a shell script.");
        var path = _folder.Combine("program");
        TestScript.Write(path, $"#!/bin/sh\n{body}\n");
        return path;
    }
}
