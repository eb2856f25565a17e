using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace BorgStore.Tests.Server.Scale;

/// <summary>Many clients on many stores of one server, while its users change.</summary>
[Trait("Category", "Long")]
public sealed partial class ManyStoresSoakTests(ITestOutputHelper output) : IDisposable
{
    private const string Guests = "s000";
    private static readonly int ClientCount = LongTests.Choose(16, 64);
    private static readonly int StoreCount = LongTests.Choose(20, 100);
    private static readonly TimeSpan Duration = LongTests.Choose(TimeSpan.FromSeconds(8), TimeSpan.FromMinutes(10));
    private static readonly TimeSpan SampleInterval = LongTests.Choose(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1));
    // Small files, so that there are several, however slow the machine is.
    private static readonly int AuditLogSize = LongTests.Choose(128 << 10, 64 << 20);

    // Compilation and the first garbage collections take more in the first seconds than later, and shared libraries count too.
    private static readonly (double Factor, long Bytes) Growth = LongTests.Choose((1.2, 40L << 20), (1.05, 16L << 20));

    private readonly TemporaryFolder _folder = new();
    private readonly RequestCounts _counts = new();
    private readonly string[] _stores = [.. Enumerable.Range(0, StoreCount).Select(number => $"s{number:000}")];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string UsersFile => _folder.Combine("users");

    private string RightsFile => _folder.Combine("rights.json");

    private string AuditLog => _folder.Combine("audit.log");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_answer_is_right_while_users_change_and_memory_and_metrics_and_the_audit_log_agree()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        var secrets = WriteFiles();
        var (server, url) = await ServerProcess.StartOurServerAsync("--port", "0", "--root", _folder.Combine("root"), "--users", UsersFile, "--rights", RightsFile,
            "--quota", "100000000000", "--trusted-proxy", "127.0.0.1", "--metrics-listen", "0", "--audit-log", AuditLog,
            "--log-max-size", $"{AuditLogSize}", "--log-keep", "1000",
            // So that all clients can work at the same time, and stores are closed and opened again.
            "--max-open-stores", $"{ClientCount + 2}");
        await using (server)
        {
            var workers = Enumerable.Range(0, ClientCount).Select(number => new Worker(new CountedClient(url, NameOf(number), secrets[number], _counts), $"c{number:00}", number)).ToArray();
            await CreateStoresAsync(new CountedClient(url, "root", secrets[ClientCount], _counts));
            var changes = new UserChanges(url, UsersFile, RightsFile, _counts);
            var memory = new List<(TimeSpan Time, long Bytes)>();
            using var ended = new CancellationTokenSource();
            var clock = Stopwatch.StartNew();
            var sampling = SampleAsync(server.Process.Id, clock, memory, ended.Token);
            var working = workers.Select(worker => worker.WorkAsync(_stores, ended.Token)).ToArray();
            var guests = new List<CheckedClient>();
            try
            {
                for (var number = 0; number == 0 || clock.Elapsed < Duration; number++)
                {
                    guests.AddRange(await changes.RunAsync(number, Guests));
                    // Only those with a password; the others have tokens.
                    await workers[number * 2 % ClientCount].PauseAsync(client => changes.ChangePasswordAsync(client, Guests));
                    if (Array.Find(working, task => task.IsFaulted) is { } failed) await failed;
                }
            }
            finally
            {
                await ended.CancelAsync();
            }
            await Task.WhenAll(working);
            await sampling;

            foreach (var removed in changes.Removed)
                Assert.Equal(401, (await removed.SendAsync(new(removed.User, "info", HttpMethod.Head, Guests, "data"), address: CountedClient.CreateAddress())).Status);
            output.WriteLine($"{_counts.Total} requests in {clock.Elapsed.TotalSeconds:f0} s, {changes.Count} changes of users, each in force after {changes.Slowest.TotalSeconds:f1} s at most");
            AssertFlat(memory);
            await AssertMetricsAsync(server, [.. workers.Select(worker => worker.Items), .. guests]);
            Assert.Equal(_counts.GetChanges(), ReadAuditLog());
            foreach (var worker in workers) worker.Dispose();
            Assert.DoesNotContain("error ", server.Output, StringComparison.Ordinal);
            server.Terminate();
            Assert.True(server.Process.WaitForExit(20_000));
            Assert.Equal(0, server.Process.ExitCode);
        }
    }

    private static string NameOf(int number) => $"client{number:00}";

    // Clients with even numbers have a password, the others a token.
    private string[] WriteFiles()
    {
        Directory.CreateDirectory(_folder.Combine("root"));
        var secrets = Enumerable.Range(0, ClientCount + 1).Select(number => number < ClientCount && number % 2 == 0 ? $"apple-{number}" : $"bst_{number:d43}").ToArray();
        // Weak hashes, so that the first requests do not take all the time.
        File.WriteAllLines(UsersFile, Enumerable.Range(0, ClientCount).Where(number => number % 2 == 0)
            .Select(number => $"{NameOf(number)}:{BCrypt.Net.BCrypt.HashPassword(secrets[number], 4)}"));
        var names = Enumerable.Range(0, ClientCount).Select(NameOf).ToArray();
        var tokens = Enumerable.Range(0, ClientCount).Where(number => number % 2 == 1)
            .Select(number => KeyValuePair.Create<string, JsonNode?>(names[number], new JsonObject { ["sha256"] = Hash(secrets[number]) }))
            .Append(new("root", new JsonObject { ["sha256"] = Hash(secrets[^1]), ["admin"] = true }));
        var rights = new JsonObject
        {
            ["users"] = new JsonObject(),
            ["groups"] = new JsonObject
            {
                ["clients"] = new JsonObject
                {
                    ["members"] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]),
                    ["stores"] = new JsonObject { ["*"] = "all" },
                },
            },
            ["tokens"] = new JsonObject(tokens),
        };
        File.WriteAllText(RightsFile, rights.ToJsonString());
        return secrets;

        static string Hash(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
    }

    private async Task CreateStoresAsync(CountedClient root)
    {
        foreach (var store in _stores)
        {
            Assert.Equal(200, (await root.SendAsync(new(root.User, "create", HttpMethod.Post, store, "", "?cmd=create") { Path = "/" })).Status);
            foreach (var directory in CheckedClient.GetDirectories())
                Assert.Equal(200, (await root.SendAsync(new(root.User, "mkdir", HttpMethod.Post, store, directory, "?cmd=mkdir"))).Status);
        }
        root.Dispose();
    }

    private static async Task SampleAsync(int process, Stopwatch clock, List<(TimeSpan Time, long Bytes)> samples, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            var line = File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            samples.Add((clock.Elapsed, long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10));
            await Task.Delay(SampleInterval, CancellationToken.None);
        }
    }

    private void AssertFlat(List<(TimeSpan Time, long Bytes)> memory)
    {
        var half = memory[^1].Time / 2;
        var first = memory.Where(sample => sample.Time < half).Max(sample => sample.Bytes);
        var second = memory.Where(sample => sample.Time >= half).Max(sample => sample.Bytes);
        output.WriteLine($"memory of the server: at most {first >> 20} MiB in the first half, {second >> 20} MiB in the second");
        Assert.InRange(second, 0, (long)(first * Growth.Factor) + Growth.Bytes);
    }

    private async Task AssertMetricsAsync(ServerProcess server, IReadOnlyList<CheckedClient> clients)
    {
        using var http = new HttpClient();
        var url = new Uri(MetricsUrl().Match(server.Output).Groups[1].Value);
        string text;
        // An answer may arrive before its request is counted.
        var clock = Stopwatch.StartNew();
        do
        {
            await Task.Delay(100, Ct);
            text = await http.GetStringAsync(url, Ct);
        }
        while (Sum(text, "borgstore_server_requests_total") < _counts.Total && clock.Elapsed < TimeSpan.FromSeconds(10));

        Assert.Equal(_counts.GetRequests(), GetRequests(text));
        Assert.Equal(0, Sum(text, "borgstore_server_requests_running"));
        Assert.Equal(_counts.Stored, Sum(text, "borgstore_server_received_bytes_total", "operation=\"store\""));
        Assert.Equal(_counts.Loaded, Sum(text, "borgstore_server_sent_bytes_total", "operation=\"load\""));
        Assert.Equal(_counts.Count(401), Sum(text, "borgstore_server_failed_logins_total"));
        Assert.Equal(_counts.Count(422), Sum(text, "borgstore_server_hash_mismatches_total"));
        Assert.DoesNotContain("store=\"none", text, StringComparison.Ordinal);

        // The stores that are open, and each of them exactly.
        foreach (var store in _stores)
        {
            var used = clients.Sum(client => client.GetSize(store));
            if (Sum(text, "borgstore_server_quota_used_bytes", $"store=\"{store}\"") is > 0 and var measured) Assert.Equal(used, measured);
            var answer = await clients[0].Client.SendAsync(new(clients[0].Client.User, "quota", HttpMethod.Post, store, "", "?cmd=quota") { Path = "/" });
            Assert.Equal(used, JsonDocument.Parse(answer.Body).RootElement.GetProperty("usage").GetInt64());
        }
    }

    private static SortedDictionary<string, long> GetRequests(string metrics)
    {
        var requests = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (labels, value) in FindSamples(metrics, "borgstore_server_requests_total"))
        {
            var key = $"{Label("operation")} {Label("status")}";
            requests[key] = requests.GetValueOrDefault(key) + value;

            string Label(string name) => Regex.Match(labels, $"\\b{name}=\"([^\"]*)\"").Groups[1].Value;
        }
        return requests;
    }

    private static long Sum(string metrics, string name, string label = "")
        => FindSamples(metrics, name).Where(sample => sample.Labels.Contains(label, StringComparison.Ordinal)).Sum(sample => sample.Value);

    private static IEnumerable<(string Labels, long Value)> FindSamples(string metrics, string name)
        => Sample().Matches(metrics).Where(sample => sample.Groups["name"].Value == name)
            .Select(sample => (sample.Groups["labels"].Value, long.Parse(sample.Groups["value"].Value, CultureInfo.InvariantCulture)));

    private SortedSet<string> ReadAuditLog()
    {
        var changes = new Dictionary<ChangeKind, ChangeSum>();
        var files = Directory.GetFiles(_folder.Path, "audit.log*").Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)).ToArray();
        Assert.True(files.Length > 1, "The log was not continued in another file.");
        foreach (var line in files.SelectMany(File.ReadLines))
        {
            using var json = JsonDocument.Parse(line);
            var change = json.RootElement;
            RequestCounts.Add(changes, new(Get("user"), Get("operation"), Get("store"), change.GetProperty("status").GetInt32()), $"{Get("name")}>{Get("newName")}");

            string Get(string property) => change.TryGetProperty(property, out var value) ? value.GetString()! : "";
        }
        return RequestCounts.Describe(changes);
    }

    [GeneratedRegex(@"Metrics at (\S+)")]
    private static partial Regex MetricsUrl();

    [GeneratedRegex(@"^(?<name>\w+)(\{(?<labels>[^}]*)\})? (?<value>\d+)( \d+)?$", RegexOptions.Multiline)]
    private static partial Regex Sample();

    /// <summary>A client that works until the end, except for pauses.</summary>
    private sealed class Worker(CountedClient client, string prefix, int number) : IDisposable
    {
        private readonly Random _random = new(number);
        private readonly SemaphoreSlim _turn = new(1);

        public CheckedClient Items { get; } = new(client, prefix, new Random(number));

        public Task WorkAsync(string[] stores, CancellationToken end) => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                // A client usually stays with a store for a while.
                var store = stores[_random.Next(stores.Length)];
                for (var left = _random.Next(1, 60); left > 0 && !end.IsCancellationRequested; left--)
                {
                    await _turn.WaitAsync(CancellationToken.None);
                    try
                    {
                        await Items.StepAsync(store);
                    }
                    finally
                    {
                        _turn.Release();
                    }
                }
            }
        }, CancellationToken.None);

        public void Dispose()
        {
            _turn.Dispose();
            client.Dispose();
        }

        public async Task PauseAsync(Func<CountedClient, Task> change)
        {
            await _turn.WaitAsync();
            try
            {
                await change(client);
            }
            finally
            {
                _turn.Release();
            }
        }
    }
}
