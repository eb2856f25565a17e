using System.Diagnostics;
using BorgStore.Backends;
using BorgStore.Backends.Rest;
using BorgStore.Backends.Shared;
using BorgStore.Hashing;
using BorgStore.Processes;
using BorgStore.Tests.S3.Servers;

namespace BorgStore.Tests.S3.Instances;

/// <summary>Several servers in front of a store in S3, which are killed and started while clients work through nginx.</summary>
[Trait("Category", "Long")]
public sealed class KilledInstanceTests(CephServer ceph, ITestOutputHelper output)
{
    private const string Store = "photos";
    private static readonly int ClientsOfEachKind = LongTests.Choose(4, 16);
    private static readonly int Kills = LongTests.Choose(4, 60);
    // Sent in several parts.
    private const int LargeValue = 9 << 20;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_acknowledged_value_is_lost_and_no_partial_one_is_seen()
    {
        await using var group = await ServerGroup.StartAsync(await ceph.GetAsync(), $"tests/{Guid.NewGuid():n}", 3);
        await using (var creator = group.Connect(Store)) await creator.CreateAsync(Ct);
        using var ended = new CancellationTokenSource();
        var clock = Stopwatch.StartNew();
        var adders = Enumerable.Range(0, ClientsOfEachKind).Select(number => new Adder(group, number)).ToArray();
        var changers = Enumerable.Range(0, ClientsOfEachKind).Select(number => new Changer(group, number)).ToArray();
        using var python = PythonPeer.Find("borgstore, requests") is { } interpreter ? new PythonAdder(interpreter) : null;
        var working = adders.Select(adder => adder.WorkAsync(ended.Token)).Concat(changers.Select(changer => changer.WorkAsync(ended.Token)))
            .Append(python?.WorkAsync(group.GetUrl(Store), ended.Token) ?? Task.CompletedTask).ToArray();
        try
        {
            var random = new Random(1);
            while (group.Kills < Kills && !Array.Exists(working, task => task.IsFaulted))
            {
                // Until nginx has taken the one before in again.
                await Task.Delay(random.Next(1200, 1800), Ct);
                var server = random.Next(group.Count);
                await group.KillAsync(server);
                await Task.Delay(random.Next(600), Ct);
                await group.StartAsync(server);
            }
        }
        finally
        {
            await ended.CancelAsync();
        }
        await Task.WhenAll(working);
        output.WriteLine($"{adders.Sum(adder => adder.Values.Count)} values added and {changers.Sum(changer => changer.Acknowledged)} changes acknowledged, "
            + $"{changers.Sum(changer => changer.Lost)} answers lost, {group.Kills} servers killed in {clock.Elapsed.TotalSeconds:f0} s; {python?.Values.Count ?? 0} added by Python");

        var expected = new Dictionary<string, string>(adders.SelectMany(adder => adder.Values).Concat(python?.Values ?? []));
        var clients = Enumerable.Range(0, group.Count).Select(number => group.Connect(number, Store)).ToArray();
        foreach (var client in clients) await client.OpenAsync(Ct);
        await Parallel.ForEachAsync(expected.Select((item, number) => (item, number)), new ParallelOptions { MaxDegreeOfParallelism = 12, CancellationToken = Ct },
            async (entry, _) => Assert.Equal(entry.item.Value, await HashAsync(clients[entry.number % clients.Length], entry.item.Key)));
        foreach (var (changer, number) in changers.Select((changer, number) => (changer, number)))
            foreach (var (name, hash) in await changer.CheckAsync(clients[number % clients.Length])) expected.Add(name, hash);
        foreach (var client in clients)
        {
            Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), await ListAsync(client));
            await foreach (var upload in client.ListTemporaryAsync(TimeSpan.Zero, Ct)) await client.DeleteTemporaryAsync(upload, Ct);
            Assert.Empty(await client.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct));
            await client.DisposeAsync();
        }
    }

    private static async Task<string?> HashAsync(RestBackend client, string name)
    {
        await using var value = await client.LoadAsync(name, ByteRange.Whole, Ct);
        return value is null ? null : await HashKind.Sha256.ComputeHexAsync(value, Ct);
    }

    private static async Task<List<string>> ListAsync(RestBackend client, string prefix = "")
        => await client.ListAsync("data", ListScope.Tree, Ct).Select(item => "data/" + item.Name).Where(name => name.Contains(prefix, StringComparison.Ordinal)).ToListAsync(Ct);

    private static byte[] MakeValue(Random random)
    {
        var value = new byte[random.Next(25) == 0 ? LargeValue : random.Next(60_000)];
        random.NextBytes(value);
        return value;
    }

    /// <summary>A client that adds values and reads them, as backup programs do. All of that can be repeated, so it must not notice anything.</summary>
    private sealed class Adder(ServerGroup group, int number)
    {
        /// <summary>The hashes of acknowledged values.</summary>
        public Dictionary<string, string> Values { get; } = [];

        public Task WorkAsync(CancellationToken end) => Task.Run(async () =>
        {
            var random = new Random(number);
            await using var client = group.Connect(Store);
            await client.OpenAsync(Ct);
            while (!end.IsCancellationRequested)
            {
                var value = MakeValue(random);
                var name = $"data/{random.Next(8):00}/a{number}-{Values.Count:00000}";
                await client.StoreAsync(name, value, StoreMode.Overwrite, Ct);
                Values.Add(name, HashKind.Sha256.ComputeHex(value));
                var (known, hash) = Values.ElementAt(random.Next(Values.Count));
                switch (random.Next(10))
                {
                    case 0:
                        Assert.Equal(Values.Keys.Order(StringComparer.Ordinal), await ListAsync(client, $"/a{number}-"));
                        break;
                    case < 3:
                        Assert.Equal(hash, await client.HashAsync(known, HashKind.Sha256, Ct));
                        break;
                    // While a large value is received, a lost connection is for the caller to see.
                    case < 8 when await client.FindAsync(known, Ct) is { Size: < 1 << 20 }:
                        Assert.Equal(hash, await HashAsync(client, known));
                        break;
                }
            }
        }, Ct);
    }

    /// <summary>The client of the Python package, which Borg uses, as an <see cref="Adder"/>.</summary>
    private sealed class PythonAdder(ChildCommand interpreter) : IDisposable
    {
        private const string Script = """
            import hashlib, os, sys
            from borgstore.backends.rest import get_rest_backend
            url, end, results = sys.argv[1:]
            stored = {}
            backend = get_rest_backend(url)
            backend.reconnect_wait = 2
            with backend:
                while not os.path.exists(end):
                    name = f"data/{len(stored) % 8:02}/p-{len(stored):05}"
                    value = os.urandom(len(stored) * 997 % 60_000)
                    backend.store(name, value)
                    stored[name] = hashlib.sha256(value).hexdigest()
                    known = list(stored)[len(stored) // 2]
                    assert hashlib.sha256(backend.load(known)).hexdigest() == stored[known]
            with open(results, "w") as file:
                file.writelines(f"{name} {digest}\n" for name, digest in stored.items())
            """;

        private readonly TemporaryFolder _folder = new();

        /// <summary>The hashes of acknowledged values.</summary>
        public Dictionary<string, string> Values { get; } = [];

        public void Dispose() => _folder.Dispose();

        public async Task WorkAsync(string url, CancellationToken end)
        {
            var running = Task.Run(() => PythonPeer.RunAsync(interpreter, Script, [url, _folder.Combine("end"), _folder.Combine("results")]), Ct);
            await Task.WhenAny(running, Task.Delay(Timeout.InfiniteTimeSpan, end));
            await File.WriteAllTextAsync(_folder.Combine("end"), "", Ct);
            var failure = await running;
            Assert.True(failure is null, failure);
            foreach (var line in await File.ReadAllLinesAsync(_folder.Combine("results"), Ct)) Values.Add(line.Split(' ')[0], line.Split(' ')[1]);
        }
    }

    /// <summary>A client that replaces, moves and deletes values. It repeats nothing, so that it knows of every request what it may have done.</summary>
    private sealed class Changer(ServerGroup group, int number)
    {
        private const int MaxKeys = 40;
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
        private readonly Random _random = new(1000 + number);
        private readonly Dictionary<string, string?> _values = [];
        // What an unanswered request may have done. A storage that is still at it may do it later, so these names are not used again.
        private readonly Dictionary<string, string?[]> _uncertain = [];
        private readonly List<(string Name, string NewName, string Hash)> _uncertainMoves = [];
        private int _names;

        public int Acknowledged { get; private set; }

        public int Lost { get; private set; }

        public Task WorkAsync(CancellationToken end) => Task.Run(async () =>
        {
            await using var client = group.Connect(Store);
            var usual = client.Client.Retry;
            client.Client.Retry = RetrySchedule.Never;
            await ConnectAsync(client);
            while (!end.IsCancellationRequested)
            {
                try
                {
                    await StepAsync(client);
                }
                catch (StoreException e) when (e.Error is StoreError.ConnectionLost or StoreError.Timeout)
                {
                    Lost++;
                    await Task.Delay(100, Ct);
                }
            }
            // To flush at the end.
            client.Client.Retry = usual;
        }, Ct);

        /// <summary>Compares everything with what is there.</summary>
        /// <returns>The items that are there.</returns>
        public async Task<Dictionary<string, string>> CheckAsync(RestBackend client)
        {
            var found = new Dictionary<string, string>();
            foreach (var name in _values.Keys.Concat(_uncertain.Keys))
                if (await HashAsync(client, name) is { } hash) found.Add(name, hash);
            foreach (var (name, hash) in _values) Assert.Equal(hash, found.GetValueOrDefault(name));
            foreach (var (name, hashes) in _uncertain) Assert.Contains(found.GetValueOrDefault(name), hashes);
            // It may be under both names, but not under none.
            foreach (var (name, newName, hash) in _uncertainMoves) Assert.Contains(hash, new[] { found.GetValueOrDefault(name), found.GetValueOrDefault(newName) });
            return found;
        }

        private static async Task ConnectAsync(RestBackend client)
        {
            for (var clock = Stopwatch.StartNew(); ;)
            {
                try
                {
                    await client.OpenAsync(Ct);
                    return;
                }
                catch (StoreException e) when (e.Error == StoreError.ConnectionLost && clock.Elapsed < Patience)
                {
                    await Task.Delay(100, Ct);
                }
            }
        }

        private string ChooseName()
        {
            if (_values.Count > 0 && (_values.Count >= MaxKeys || _random.Next(2) == 0)) return _values.Keys.ElementAt(_random.Next(_values.Count));
            var name = $"data/{_random.Next(8):00}/c{number}-{_names++:00000}";
            _values.Add(name, null);
            return name;
        }

        private async Task StepAsync(RestBackend client)
        {
            var name = ChooseName();
            var old = _values[name];
            switch (_random.Next(10))
            {
                case < 5:
                    var value = MakeValue(_random);
                    var hash = HashKind.Sha256.ComputeHex(value);
                    await ChangeAsync(async () =>
                    {
                        await client.StoreAsync(name, value, StoreMode.Overwrite, Ct);
                        return true;
                    }, true, (name, hash));
                    break;
                case 5:
                    await ChangeAsync(() => client.DeleteAsync(name, Ct).AsTask(), old is not null, (name, null));
                    break;
                case < 8:
                    var newName = ChooseName();
                    if (name == newName) break;
                    if (old is null) await ChangeAsync(() => client.MoveAsync(name, newName, StoreMode.Overwrite, Ct).AsTask(), false);
                    else await ChangeAsync(() => client.MoveAsync(name, newName, StoreMode.Overwrite, Ct).AsTask(), true, (name, null), (newName, old));
                    break;
                default:
                    Assert.Equal(old, await HashAsync(client, name));
                    break;
            }
        }

        private async Task ChangeAsync(Func<Task<bool>> change, bool expected, params (string Name, string? Hash)[] changes)
        {
            try
            {
                Assert.Equal(expected, await change());
            }
            catch (StoreException e) when (e.Error is StoreError.ConnectionLost or StoreError.Timeout)
            {
                if (changes is [var (from, _), (var to, { } moved)]) _uncertainMoves.Add((from, to, moved));
                foreach (var (name, hash) in changes)
                    if (_values.Remove(name, out var old)) _uncertain.Add(name, [old, hash]);
                throw;
            }
            Acknowledged++;
            foreach (var (name, hash) in changes) _values[name] = hash;
        }
    }
}
