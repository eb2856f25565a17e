using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace BorgStore.Tests.Server.Scale;

/// <summary>Uses items of its own in stores that others use too, and compares every answer with what it knows of them.</summary>
/// <param name="client">The client that sends the requests.</param>
/// <param name="prefix">How the keys of its items begin; those of no other client do.</param>
/// <param name="random">Chooses the operations.</param>
internal sealed class CheckedClient(CountedClient client, string prefix, Random random)
{
    private const int Directories = 4;
    private const int Keys = 6;

    private readonly Dictionary<string, SortedDictionary<string, Value>> _stores = [];
    private SortedDictionary<string, Value> _items = [];
    private string _store = "";

    /// <summary>The client that sends the requests.</summary>
    public CountedClient Client => client;

    /// <summary>Returns the total size of the values in a store.</summary>
    public long GetSize(string store) => _stores.TryGetValue(store, out var items) ? items.Values.Sum(value => (long)value.Length) : 0;

    /// <summary>The directories that must be there.</summary>
    public static IEnumerable<string> GetDirectories() => Enumerable.Range(0, Directories).Select(GetDirectory);

    /// <summary>Does something in a store.</summary>
    public async Task StepAsync(string store)
    {
        _store = store;
        if (!_stores.TryGetValue(store, out _items!)) _stores[store] = _items = new(StringComparer.Ordinal);
        await (random.Next(100) switch
        {
            < 22 => StoreAsync(),
            < 44 => LoadAsync(ChooseName()),
            < 52 => LoadRangeAsync(),
            < 59 => FindAsync(ChooseName()),
            < 65 => ListAsync(),
            < 67 => ListTreeAsync(),
            < 74 => MoveAsync(),
            < 80 => DeleteAsync(),
            < 88 => SoftDeleteAsync(),
            < 93 => HashAsync(),
            < 97 => GatherAsync(),
            < 99 => FindStoreThatIsNotThereAsync(),
            _ => CheckQuotaAsync(),
        });
    }

    private static string GetDirectory(int number) => $"data/{number:00}";

    private string ChooseName() => $"{GetDirectory(random.Next(Directories))}/{prefix}-{random.Next(Keys)}";

    private async Task StoreAsync()
    {
        var name = ChooseName();
        var value = new Value(random.Next(), random.Next(40) == 0 ? random.Next(400_000) : random.Next(3000));
        var bytes = value.ToBytes();
        var isWrong = random.Next(20) == 0;
        var onlyIfNew = random.Next(8) == 0;
        var headers = new List<(string, string)>();
        if (isWrong) headers.Add(("X-Content-hash-sha256", new string('0', 64)));
        else if (random.Next(2) == 0) headers.Add(("X-Content-hash-sha256", Convert.ToHexStringLower(SHA256.HashData(bytes))));
        if (onlyIfNew) headers.Add(("If-None-Match", "*"));
        if (onlyIfNew && _items.ContainsKey(name))
        {
            // Whichever is found first.
            await SendAsync(isWrong ? [409, 422] : [409], Request("store", HttpMethod.Post, name) with { Body = bytes, Headers = [.. headers] });
            return;
        }
        await SendAsync(isWrong ? 422 : 200, Request("store", HttpMethod.Post, name) with { Body = bytes, Headers = [.. headers] });
        if (!isWrong) _items[name] = value;
    }

    private async Task LoadAsync(string name)
    {
        var isThere = _items.TryGetValue(name, out var value);
        var answer = await SendAsync(isThere ? 200 : 404, Request("load", HttpMethod.Get, name));
        if (isThere) AssertBytes(value.ToBytes(), answer.Body, name);
    }

    private async Task LoadRangeAsync()
    {
        var name = ChooseName();
        var isThere = _items.TryGetValue(name, out var value);
        if (value.Length == 0 && isThere)
        {
            await LoadAsync(name);
            return;
        }
        var first = random.Next(Math.Max(1, value.Length));
        var last = first + random.Next(Math.Max(1, value.Length - first));
        var (range, bytes) = random.Next(3) switch
        {
            0 => ($"{first}-", first..),
            1 => ($"-{value.Length - first}", first..),
            _ => ($"{first}-{last}", first..(last + 1)),
        };
        var answer = await SendAsync(isThere ? 206 : 404, Request("load", HttpMethod.Get, name) with { Headers = [("Range", "bytes=" + range)] });
        if (isThere) AssertBytes(value.ToBytes()[bytes], answer.Body, name);
    }

    private async Task FindAsync(string name)
    {
        var isThere = _items.TryGetValue(name, out var value);
        var answer = await SendAsync(isThere ? 200 : 404, Request("info", HttpMethod.Head, name));
        if (isThere) Assert.Equal(value.Length, answer.Length);
    }

    private async Task ListAsync()
    {
        var directory = GetDirectory(random.Next(Directories));
        var answer = await SendAsync(200, Request("list", HttpMethod.Get, directory, $"?prefix={prefix}-") with { Path = $"/{directory}/" });
        using var json = JsonDocument.Parse(answer.Body);
        Assert.Equal(Describe(directory + "/"), json.RootElement.EnumerateArray().Select(item => Describe($"{directory}/{item.GetProperty("name").GetString()}", item)));
    }

    // In small pages, so that others' requests come between them.
    private async Task ListTreeAsync()
    {
        var limit = random.Next(10, 400);
        var seen = new List<string>();
        var own = new List<string>();
        string? after = null;
        do
        {
            var query = $"?cmd=tree&limit={limit}&unreadable=tell{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}";
            var answer = await SendAsync(200, Request("tree", HttpMethod.Get, "data", query) with { Path = "/data/" });
            using var json = JsonDocument.Parse(answer.Body);
            foreach (var item in json.RootElement.GetProperty("items").EnumerateArray())
            {
                var name = item.GetProperty("name").GetString()!;
                seen.Add(name);
                if (name.AsSpan(name.IndexOf('/') + 1).StartsWith(prefix + "-")) own.Add(Describe("data/" + name, item));
            }
            after = json.RootElement.TryGetProperty("next", out var next) ? next.GetString() : null;
        }
        while (after is not null);
        Assert.Equal(seen.Distinct().Order(StringComparer.Ordinal), seen);
        Assert.Equal(Describe("data/"), own);
    }

    private async Task MoveAsync()
    {
        var (name, newName) = (ChooseName(), ChooseName());
        if (name == newName) return;
        await MoveAsync(name, newName, onlyIfNew: _items.ContainsKey(name) && random.Next(4) == 0);
    }

    private Task SoftDeleteAsync()
    {
        var name = ChooseName();
        var deleted = name + ".del";
        return random.Next(2) == 0 ? MoveAsync(name, deleted, onlyIfNew: false) : MoveAsync(deleted, name, onlyIfNew: false);
    }

    private async Task MoveAsync(string name, string newName, bool onlyIfNew)
    {
        var isThere = _items.TryGetValue(name, out var value);
        var exists = onlyIfNew && _items.ContainsKey(newName);
        await SendAsync(!isThere ? 404 : exists ? 409 : 200,
            Request("move", HttpMethod.Post, name, $"?cmd=move&current={Uri.EscapeDataString(name)}&new={Uri.EscapeDataString(newName)}") with
            {
                Path = "/",
                NewName = newName,
                Headers = onlyIfNew ? [("If-None-Match", "*")] : [],
            });
        if (!isThere || exists) return;
        _items.Remove(name);
        _items[newName] = value;
    }

    private async Task DeleteAsync()
    {
        var name = random.Next(3) == 0 ? ChooseName() + ".del" : ChooseName();
        await SendAsync(_items.Remove(name) ? 200 : 404, Request("delete", HttpMethod.Delete, name));
    }

    private async Task HashAsync()
    {
        var name = ChooseName();
        var isThere = _items.TryGetValue(name, out var value);
        var answer = await SendAsync(isThere ? 200 : 404, Request("hash", HttpMethod.Post, name, "?cmd=hash&algorithm=sha256"));
        if (isThere) Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(value.ToBytes())), answer.Text);
    }

    private async Task GatherAsync()
    {
        var names = _items.Keys.ToArray();
        if (names.Length == 0) return;
        var parts = Enumerable.Range(0, random.Next(1, 5)).Select(_ => names[random.Next(names.Length)]).Select(name =>
        {
            var first = random.Next(_items[name].Length + 1);
            return (Name: name, First: first, Length: random.Next(_items[name].Length - first + 1));
        }).ToArray();
        var body = JsonSerializer.Serialize(parts.Select(part => new object[] { part.Name, part.First, part.Length }));
        var answer = await SendAsync(200, Request("gather", HttpMethod.Post, "", "?cmd=gather") with { Path = "/", Body = Encoding.UTF8.GetBytes(body) });
        AssertBytes([.. parts.SelectMany(part => _items[part.Name].ToBytes().AsSpan(part.First, part.Length).ToArray())], answer.Body, body);
    }

    // Neither such a name nor such a store may take up room in the server for good.
    private Task<Answer> FindStoreThatIsNotThereAsync()
        => SendAsync(410, Request("info", HttpMethod.Head, "data") with { Store = $"none{random.Next()}" });

    private async Task CheckQuotaAsync()
    {
        var answer = await SendAsync(200, Request("quota", HttpMethod.Post, "", "?cmd=quota") with { Path = "/" });
        using var json = JsonDocument.Parse(answer.Body);
        // Of all clients together.
        Assert.InRange(json.RootElement.GetProperty("usage").GetInt64(), GetSize(_store), long.MaxValue);
    }

    private ClientRequest Request(string operation, HttpMethod method, string name, string query = "") => new(client.User, operation, method, _store, name, query);

    private Task<Answer> SendAsync(int status, ClientRequest request) => SendAsync([status], request);

    private async Task<Answer> SendAsync(int[] statuses, ClientRequest request)
    {
        var answer = await client.SendAsync(request);
        Assert.True(statuses.Contains(answer.Status), $"{request}: {answer.Status} and not {string.Join(" or ", statuses)}. {answer.Text}");
        return answer;
    }

    private IEnumerable<string> Describe(string start)
        => _items.Where(item => item.Key.StartsWith(start, StringComparison.Ordinal)).Select(item => $"{item.Key} {item.Value.Length}");

    private static string Describe(string name, JsonElement item) => $"{name} {item.GetProperty("size").GetInt64()}";

    // Much faster than the comparison of collections, which shows differences.
    private static void AssertBytes(byte[] expected, byte[] actual, string what)
        => Assert.True(expected.AsSpan().SequenceEqual(actual), $"{what}: {actual.Length} bytes and not these {expected.Length}");

    /// <summary>A value, as what it can be made of again.</summary>
    private readonly record struct Value(int Seed, int Length)
    {
        public byte[] ToBytes()
        {
            var bytes = new byte[Length];
            new Random(Seed).NextBytes(bytes);
            return bytes;
        }
    }
}
