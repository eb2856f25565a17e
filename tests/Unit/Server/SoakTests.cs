using System.Collections.Concurrent;
using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;

namespace BorgStore.Tests.Server;

/// <summary>Many clients at once, and a server that is killed.</summary>
[Trait("Category", "Long")]
public sealed class SoakTests
{
    private const int Clients = 64;

    [Fact]
    public async Task No_value_is_lost_with_many_clients_and_a_killed_server()
    {
        var duration = TimeSpan.FromSeconds(LongTests.Choose(8, 60));
        var ct = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        // The namespace must exist before the first client lists it.
        Directory.CreateDirectory(folder.Combine("store", "data"));
        string[] arguments = ["--port", "0", "--backend", folder.StoreUrl];
        var expected = new ConcurrentDictionary<string, byte[]?>();
        var requests = 0;
        var (server, url) = await ServerProcess.StartOurServerAsync(arguments);
        await using (server)
        {
            var clock = Stopwatch.StartNew();
            long settled = 0;
            var clients = Enumerable.Range(0, Clients).Select(number => Task.Run(() => UseAsync(url, number, clock, duration, expected, () => Interlocked.Increment(ref requests)), ct)).ToArray();
            await Task.Delay(duration * 0.4, ct);
            settled = GetMemory(server);
            await Task.WhenAll(clients);
            var grown = GetMemory(server);
            TestContext.Current.TestOutputHelper?.WriteLine($"{requests} requests in {duration.TotalSeconds} s; memory {settled >> 20} MiB, then {grown >> 20} MiB");
            Assert.InRange(grown, 0, settled * 3 / 2 + (40 << 20));

            // A server killed during uploads keeps every acknowledged value, and shows no partial one.
            var storing = Task.Run(() => StoreUntilLostAsync(url, expected), ct);
            await Task.Delay(700, ct);
            server.Process.Kill();
            await storing;
        }

        var (again, newUrl) = await ServerProcess.StartOurServerAsync(arguments);
        await using (again)
        {
            await using (var client = new RestBackend(newUrl))
            {
                await client.OpenAsync(ct);
                foreach (var (name, value) in expected)
                {
                    await using var stream = await client.LoadAsync(name, ByteRange.Whole, ct);
                    Assert.Equal(value, stream is null ? null : await stream.ReadToEndAsync(ct));
                }
                await foreach (var item in client.ListAsync("unacknowledged", ListScope.Tree, ct)) Assert.Equal(300_000, item.Size);
                await foreach (var item in client.ListTemporaryAsync(TimeSpan.Zero, ct)) Assert.True(await client.DeleteTemporaryAsync(item, ct));
                await foreach (var item in client.ListTemporaryAsync(TimeSpan.Zero, ct)) Assert.Fail(item.Id);
            }
            again.Terminate();
            Assert.True(again.Process.WaitForExit(20_000));
            Assert.Equal(0, again.Process.ExitCode);
        }
    }

    private static async Task UseAsync(string url, int number, Stopwatch clock, TimeSpan duration, ConcurrentDictionary<string, byte[]?> expected, Action count)
    {
        await using var client = new RestBackend(url);
        await client.OpenAsync(default);
        var random = new Random(number);
        while (clock.Elapsed < duration)
        {
            var name = $"data/{random.Next(4):00}/{number}-{random.Next(12)}";
            var known = expected.GetValueOrDefault(name);
            switch (random.Next(8))
            {
                case <= 2:
                    var value = new byte[random.Next(20) == 0 ? random.Next(400_000) : random.Next(3000)];
                    random.NextBytes(value);
                    await client.StoreAsync(name, value, StoreMode.Overwrite, default);
                    expected[name] = value;
                    break;
                case <= 4:
                    await using (var stream = await client.LoadAsync(name, ByteRange.Whole, default))
                        Assert.Equal(known, stream is null ? null : await stream.ReadToEndAsync());
                    break;
                case 5:
                    Assert.Equal(known is not null, await client.DeleteAsync(name, default));
                    expected[name] = null;
                    break;
                case 6:
                    var newName = $"data/{random.Next(4):00}/{number}-{random.Next(12)}";
                    Assert.Equal(known is not null, await client.MoveAsync(name, newName, StoreMode.Overwrite, default));
                    if (known is null || newName == name) break;
                    (expected[name], expected[newName]) = (null, known);
                    break;
                default:
                    var seen = new HashSet<string>();
                    await foreach (var item in client.ListAsync("data", ListScope.Tree, default))
                        if (item.Name.AsSpan(3).StartsWith($"{number}-")) seen.Add("data/" + item.Name);
                    Assert.Equal(expected.Where(pair => pair.Value is not null && pair.Key.AsSpan(8).StartsWith($"{number}-")).Select(pair => pair.Key).Order(), seen.Order());
                    break;
            }
            count();
        }
    }

    private static Task StoreUntilLostAsync(string url, ConcurrentDictionary<string, byte[]?> expected)
        => Task.WhenAll(Enumerable.Range(0, 16).Select(async number =>
        {
            await using var client = new RestBackend(url);
            client.Client.Retry = RetrySchedule.Never;
            await client.OpenAsync(default);
            var value = new byte[300_000];
            try
            {
                for (var i = 0; ; i++)
                {
                    var name = $"unacknowledged/{number}-{i}";
                    await client.StoreAsync(name, value, StoreMode.Overwrite, default);
                    expected[name] = value;
                }
            }
            catch (StoreException e) when (e.Error == StoreError.ConnectionLost)
            {
                try
                {
                    await client.DisposeAsync();
                }
                catch (StoreException)
                {
                    // The server is gone, so it cannot flush.
                }
            }
        }));

    private static long GetMemory(ServerProcess server)
    {
        server.Process.Refresh();
        return server.Process.WorkingSet64;
    }
}
