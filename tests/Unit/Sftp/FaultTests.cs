using System.Collections.Concurrent;
using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;

namespace BorgStore.Tests.Sftp;

/// <summary>A connection that is cut, stuck and slow at random while it is in use.</summary>
public class FaultTests : IAsyncLifetime
{
    private const int Delete = 2;
    private static readonly bool IsLong = LongTests.Wanted;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(IsLong ? 180 : 8);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(4);

    // A stall is noticed after the time-out, and the operation given up after at most another one, plus that of the last attempt. Anything that
    // takes many times as long hangs, however slow the machine is.
    private static readonly TimeSpan Forever = 20 * Timeout;
    private readonly TemporaryFolder _folder = new();
    private readonly SshAccess _server;
    private FaultProxy _line = null!;

    public FaultTests()
        : this(OpenSshServer.Instance)
    {
    }

    private protected FaultTests(SshAccess server) => _server = server;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
        _line = new FaultProxy(_server.Port);
        _server.WriteKnownHosts(_line.Port);
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        if (_line is not null) await _line.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Retries_over_a_new_connection_are_reported()
    {
        var retries = new ConcurrentQueue<StoreRetry>();
        var url = _server.Url(_folder.Combine("store"), _line.Port) with { Connections = 1 };
        await using var store = await SshServer.OpenWatchedAsync(url, _server.Options, transport => new(transport), new BackendOptions { Retried = retries.Enqueue });
        await store.StoreAsync("data/a", new byte[1], StoreMode.Overwrite, Ct);
        Assert.Empty(retries);

        _line.IsStuck = true;
        var storing = store.StoreAsync("data/a", new byte[2], StoreMode.Overwrite, Ct).AsTask();
        await Task.Delay(50, Ct);
        _line.Cut();
        _line.IsStuck = false;
        await storing;
        Assert.Equal(2, (await store.FindAsync("data/a", Ct))!.Value.Size);
        Assert.Equal(("data/a", 2), (retries.First().Name, retries.First().Attempt));
        Assert.NotEmpty(retries.First().Reason);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Acknowledged_values_are_complete_and_nothing_hangs_while_connections_break(int connections)
    {
        // The connection recovers well before an operation is given up.
        var url = _server.Url(_folder.Combine("store"), _line.Port) with { Timeout = Timeout, Connections = connections };
        await using var store = SshServer.CreateBackend(url, _server.Options);
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);

        var end = Stopwatch.StartNew();
        var breaking = BreakAsync(end);
        var (done, failed, longest) = (0, 0, 0L);
        var kept = await Task.WhenAll(Enumerable.Range(0, 12).Select(task => Task.Run(async () =>
        {
            var random = new Random(task);
            var expected = new Dictionary<string, byte[]?>();
            var generations = new int[8];
            while (end.Elapsed < Duration)
            {
                // Deleted names are not reused, because the deletion may be repeated over a connection that was only stuck.
                var number = random.Next(8);
                var name = $"data/{number % 4}/{task:00}-{number}-{generations[number]}";
                var kind = random.Next(5);
                var watch = Stopwatch.StartNew();
                try
                {
                    await OperateAsync(store, random, kind, name, expected).WaitAsync(Forever, Ct);
                    Interlocked.Increment(ref done);
                }
                catch (StoreException e) when (e.Error is StoreError.ConnectionLost or StoreError.Timeout)
                {
                    // The outcome is unknown.
                    expected.Remove(name);
                    Interlocked.Increment(ref failed);
                }
                if (kind == Delete) generations[number]++;
                lock (_line) longest = Math.Max(longest, watch.ElapsedMilliseconds);
            }
            return expected;
        }, Ct)));
        await breaking;

        TestContext.Current.TestOutputHelper?.WriteLine($"{done} operations, {failed} gave up, the longest took {longest} ms");
        Assert.NotEqual(0, done);
        foreach (var (name, value) in kept.SelectMany(k => k))
        {
            await using var loaded = await store.LoadAsync(name, ByteRange.Whole, Ct);
            Assert.Equal(value, loaded is null ? null : await loaded.ReadToEndAsync(Ct));
        }
        var left = Directory.EnumerateFiles(_folder.Path, "*.tmp", SearchOption.AllDirectories).Count();
        Assert.InRange(left, 0, failed);
    }

    private static async Task OperateAsync(SftpBackend store, Random random, int kind, string name, Dictionary<string, byte[]?> expected)
    {
        switch (kind)
        {
            case 0 or 1:
                var value = new byte[random.Next(4) == 0 ? random.Next(3 << 20) : random.Next(3000)];
                random.NextBytes(value);
                await store.StoreAsync(name, value, StoreMode.Overwrite, Ct);
                expected[name] = value;
                break;
            case Delete:
                await store.DeleteAsync(name, Ct);
                expected[name] = null;
                break;
            case 3:
                var found = await store.FindAsync(name, Ct);
                if (expected.TryGetValue(name, out var known)) Assert.Equal(known?.Length, (int?)found?.Size);
                break;
            default:
                await using (var loaded = await store.LoadAsync(name, ByteRange.Whole, Ct))
                {
                    var bytes = loaded is null ? null : await loaded.ReadToEndAsync(Ct);
                    if (expected.TryGetValue(name, out known)) Assert.Equal(known, bytes);
                }
                break;
        }
    }

    private async Task BreakAsync(Stopwatch end)
    {
        var random = new Random(7);
        while (end.Elapsed < Duration)
        {
            await Task.Delay(random.Next(200, 1500), Ct);
            switch (random.Next(4))
            {
                case 0 or 1:
                    _line.Cut();
                    break;
                case 2:
                    _line.IsStuck = true;
                    await Task.Delay(random.Next(100, 6000), Ct);
                    _line.IsStuck = false;
                    break;
                default:
                    _line.Rate = 2_000_000;
                    await Task.Delay(random.Next(100, 2000), Ct);
                    _line.Rate = 0;
                    break;
            }
        }
    }
}
