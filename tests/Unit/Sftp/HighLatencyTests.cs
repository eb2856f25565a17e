using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Sftp;
using BorgStore.Backends.Sftp.Packets;
using BorgStore.Hashing;

namespace BorgStore.Tests.Sftp;

/// <summary>A server with a latency of 20 ms in each direction.</summary>
public class HighLatencyTests : IAsyncLifetime
{
    private const int InFlight = 64;
    private readonly TemporaryFolder _folder = new();
    private readonly SshAccess _server;
    private FaultProxy _line = null!;
    private WatchedTransport _watch = null!;
    private SftpBackend _store = null!;

    public HighLatencyTests()
        : this(OpenSshServer.Instance)
    {
    }

    private protected HighLatencyTests(SshAccess server) => _server = server;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(_server.Missing is not null, _server.Missing ?? "");
        _line = new FaultProxy(_server.Port);
        _server.WriteKnownHosts(_line.Port);
        _store = await SshServer.OpenWatchedAsync(_server.Url(_folder.Combine("store"), _line.Port), _server.Options,
            transport => _watch = new WatchedTransport(transport));
        _line.Delay = TimeSpan.FromMilliseconds(20);
    }

    public async ValueTask DisposeAsync()
    {
        if (_line is null) return;
        _line.Delay = TimeSpan.Zero;
        await _store.DisposeAsync();
        await _line.DisposeAsync();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Operations_on_many_small_values_share_round_trips()
    {
        var names = Enumerable.Range(0, 1000).Select(i => $"data/{i % 16:x2}/{i:x4}").ToList();
        await InFewRoundsAsync("1000 stores", names, async name => await _store.StoreAsync(name, Value(name), StoreMode.Overwrite, Ct));
        await InFewRoundsAsync("1000 loads", names, async name =>
        {
            await using var value = await _store.LoadAsync(name, ByteRange.Whole, Ct);
            Assert.Equal(Value(name), await value!.ReadToEndAsync(Ct));
        });
        await InFewRoundsAsync("1000 moves", names, async name => Assert.True(await _store.MoveAsync(name, name + ".del", StoreMode.Overwrite, Ct)));
        await InFewRoundsAsync("1000 deletes", names, async name => Assert.True(await _store.DeleteAsync(name + ".del", Ct)));
    }

    [Fact]
    public async Task A_tree_listing_takes_few_round_trips()
    {
        var count = LongTests.Choose(2000, 10_000);
        var random = new Random(1);
        var names = Enumerable.Range(0, count).Select(_ => $"{random.NextInt64():x16}").Distinct().ToList();
        foreach (var name in names)
        {
            var directory = _folder.Combine("store", "data", name[..2], name[2..4]);
            Directory.CreateDirectory(directory);
            await File.WriteAllBytesAsync(Path.Combine(directory, name), [], Ct);
        }
        var directories = names.Select(name => name[..2]).Distinct().Count() + names.Select(name => name[..4]).Distinct().Count() + 1;
        // Latency would only slow this test down, because round trips are counted.
        _line.Delay = TimeSpan.Zero;
        var before = _watch.Requests;
        var listed = 0;
        var rounds = await _watch.CountRoundsAsync(InFlight / 2, async () =>
        {
            await foreach (var item in _store.ListAsync("data", ListScope.Tree, Ct)) listed++;
        });
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{listed} items in {directories} directories: {rounds} round trips, {_line.Bytes >> 10} KiB");
        Assert.Equal(names.Count, listed);
        // Each directory is opened, read twice and closed, which takes two round trips if done one directory at a time.
        Assert.InRange(_watch.Requests - before, 3 * directories, 4.1 * directories);
        Assert.InRange(rounds, 0, directories / 4);
    }

    [Theory]
    [InlineData("0012", 1, 2)]
    [InlineData("001", 1 + 2, 4)]
    [InlineData("ff12", 1, 1)]
    public async Task Finding_items_by_prefix_takes_the_round_trips_of_its_directories(string prefix, int directories, int most)
    {
        foreach (var key in new[] { "00123456", "00127777", "00130000", "00240000", "01000000", "ff000000" })
        {
            var path = _folder.Combine("store", "data", key[..2], key[2..4], key);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllBytesAsync(path, [], Ct);
        }
        _line.Delay = TimeSpan.Zero;
        var before = _watch.Count(nameof(PacketType.OpenDirectory));
        var found = new List<string>();
        var rounds = await _watch.CountRoundsAsync(InFlight, async () =>
        {
            await foreach (var item in PrefixListing.ListAsync(_store, new("data", 2), prefix, [], Ct)) found.Add(item.Name[(item.Name.LastIndexOf('/') + 1)..]);
        });
        Assert.Equal(directories, _watch.Count(nameof(PacketType.OpenDirectory)) - before);
        // A directory is opened and then read; those below a directory are read at once.
        Assert.InRange(rounds, 1, most);
        Assert.All(found, name => Assert.StartsWith(prefix, name, StringComparison.Ordinal));
        Assert.Equal(prefix switch { "0012" => 2, "001" => 3, _ => 0 }, found.Count);
    }

    [Fact]
    public async Task Load_of_a_range_transfers_only_that_range()
    {
        await File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(_folder.Combine("store", "data")).FullName, "large"), new byte[64 << 20], Ct);
        var before = _line.Bytes;
        await using (var value = await _store.LoadAsync("data/large", new ByteRange(30 << 20, 2 << 20), Ct))
            Assert.Equal(2 << 20, (await value!.ReadToEndAsync(Ct)).Length);
        Assert.InRange(_line.Bytes - before, 2 << 20, (2 << 20) + 100_000);

        before = _line.Bytes;
        await using (var value = await _store.LoadAsync("data/large", new ByteRange(-1000, 10), Ct))
            Assert.Equal(10, (await value!.ReadToEndAsync(Ct)).Length);
        Assert.InRange(_line.Bytes - before, 10, 10_000);
    }

    [Fact]
    public async Task Hash_and_defrag_transfer_no_values()
    {
        var value = new byte[16 << 20];
        Random.Shared.NextBytes(value);
        await File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(_folder.Combine("store", "data")).FullName, "large"), value, Ct);
        Assert.Equal(HashKind.Sha256.ComputeHex(value), await _store.HashAsync("data/large", HashKind.Sha256, Ct)); // opens a shell
        var before = _line.Bytes;
        Assert.Equal(HashKind.Sha512.ComputeHex(value), await _store.HashAsync("data/large", HashKind.Sha512, Ct));
        Assert.Equal(HashKind.Blake2b.ComputeHex(value), await _store.HashAsync("data/large", HashKind.Blake2b, Ct));
        var name = await _store.DefragAsync(new DefragRequest([new("data/large", 1000, 8 << 20), new("data/large", 0, 1000)])
        {
            Algorithm = HashKind.Sha256,
            Namespace = "data",
            Levels = 1,
        }, Ct);
        Assert.InRange(_line.Bytes - before, 0, 30_000);
        Assert.Equal(HashKind.Sha256.ComputeHex([.. value.AsSpan(1000, 8 << 20), .. value.AsSpan(0, 1000)]), name.Split('/')[^1]);
    }

    [Fact]
    public async Task Copies_between_stores_on_the_server_transfer_no_values()
    {
        // Larger than one request copies.
        var value = new byte[70 << 20];
        Random.Shared.NextBytes(value);
        await File.WriteAllBytesAsync(Path.Combine(Directory.CreateDirectory(_folder.Combine("store", "data")).FullName, "large"), value, Ct);
        await using var other = await SshServer.OpenWatchedAsync(_server.Url(_folder.Combine("other"), _line.Port), _server.Options, transport => new WatchedTransport(transport));
        var before = _line.Bytes;
        Assert.Equal(value.Length, await other.CopyFromAsync(_store.FindOrigin("data/large")!, "new/large", StoreMode.CreateNew, Ct));
        Assert.InRange(_line.Bytes - before, 0, 30_000);
        Assert.Equal(value, await File.ReadAllBytesAsync(_folder.Combine("other", "new", "large"), Ct));

        // Another login may see another folder by the same path.
        await using var direct = await SshServer.OpenWatchedAsync(_server.Url(_folder.Combine("direct")), _server.Options, transport => new WatchedTransport(transport));
        Assert.Null(await direct.CopyFromAsync(_store.FindOrigin("data/large")!, "new/large", StoreMode.CreateNew, Ct));
    }

    private static byte[] Value(string name)
    {
        var value = new byte[1024];
        new Random(name.GetHashCode(StringComparison.Ordinal)).NextBytes(value);
        return value;
    }

    // Done one at a time, each would take at least a round trip.
    private async Task InFewRoundsAsync(string what, List<string> names, Func<string, Task> run)
    {
        var watch = Stopwatch.StartNew();
        var rounds = await _watch.CountRoundsAsync(InFlight, () => Parallel.ForEachAsync(names,
            new ParallelOptions { MaxDegreeOfParallelism = InFlight, CancellationToken = Ct }, async (name, _) => await run(name)));
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {rounds} round trips, {watch.Elapsed.TotalSeconds:0.00} s");
        Assert.InRange(rounds, 0, names.Count / 5);
    }
}
