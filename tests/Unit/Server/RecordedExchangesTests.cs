using System.Text;
using System.Text.Json.Nodes;
using BorgStore.Security;

namespace BorgStore.Tests.Server;

/// <summary>Sends what was recorded with the Python server, byte by byte, and compares the answers.</summary>
public sealed class RecordedExchangesTests
{
    private static readonly JsonArray Scenarios =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "rest-exchanges.json")))!["scenarios"]!.AsArray();

    // Where the Python server errs, and what is right.
    private static readonly Dictionary<string, (int Status, string Body)> Corrected = new()
    {
        ["load range: suffix longer than object"] = (206, "hello borgstorehello borgstorehello borgstore"),
    };

    public static TheoryData<int, string> All => new(Scenarios.Select((scenario, i) => (i, scenario!["scenario"]!.ToString())));

    [Theory]
    [MemberData(nameof(All))]
    public async Task Every_answer_is_that_of_the_Python_server(int number, string name)
    {
        var scenario = Scenarios[number]!;
        var told = scenario["server"]!;
        var exchanges = scenario["exchanges"]!.AsArray();
        var hasOldValue = name.StartsWith("permissions", StringComparison.Ordinal);
        await using var server = await TestServer.StartAsync(options => options with
        {
            Permissions = told["permissions"] is { } permissions ? PermissionMap.Parse(permissions.ToString()) : null,
            Quota = (long?)told["quota"],
            Username = told["username"]?.ToString(),
            Password = told["password"]?.ToString(),
        }, create: hasOldValue);
        if (hasOldValue)
        {
            Directory.CreateDirectory(Path.Combine(server.StorePath, "data"));
            await File.WriteAllTextAsync(Path.Combine(server.StorePath, "data", "old"), "old value", TestContext.Current.CancellationToken);
        }

        var problems = new List<string>();
        using var client = server.Connect();
        foreach (var exchange in exchanges)
        {
            var title = exchange!["title"]!.ToString();
            var (request, expected) = (exchange["request"]!, exchange["response"]!);
            var method = request["method"]!.ToString();
            var headers = string.Concat(request["headers"]!.AsObject().Select(header => $"{header.Key}: {header.Value}\r\n"));
            client.Send([.. Encoding.Latin1.GetBytes($"{method} {request["target"]} HTTP/1.1\r\n{headers}\r\n"), .. Body(request)]);
            var answer = client.Receive(method == "HEAD");
            if (Compare(method, title, expected, answer) is { } problem) problems.Add($"{name}, {title}: {problem}");
            // No path of the server leaves it, and an error is one line.
            if (answer.Status >= 400 && (answer.Text.Contains(server.StorePath, StringComparison.Ordinal) || answer.Text.Contains('\n')))
                problems.Add($"{name}, {title}: {answer.Text}");
        }
        Assert.Empty(problems);
    }

    private static string? Compare(string method, string title, JsonNode expected, RawAnswer answer)
    {
        var status = (int)expected["status"]!;
        var body = Body(expected);
        if (Corrected.TryGetValue(title, out var corrected)) return (answer.Status, answer.Text) == corrected ? null : $"{answer.Status} {answer.Text}";
        if (answer.Status != status) return $"{answer.Status} {answer.Text} and not {status}";
        if (status >= 400 && status is not (401 or 422)) return null;

        var headers = expected["headers"]!.AsObject();
        var isDirectory = headers["X-BorgStore-Is-Directory"]?.ToString() == "true";
        foreach (var (key, value) in headers)
        {
            if (!answer.Headers.TryGetValue(key, out var actual)) return $"no header {key}";
            var isMeaningless = key is "X-BorgStore-Atime"
                // A directory has no size of its own; text says its encoding; JSON is compared by its meaning.
                || (key == "Content-Length" && (isDirectory || headers["Content-Type"]?.ToString() == "application/json"));
            if (!isMeaningless && actual != value!.ToString() && !(key == "Content-Type" && actual.StartsWith(value + ";", StringComparison.Ordinal)))
                return $"{key}: {actual} and not {value}";
        }
        if (method == "HEAD") return null;
        return headers["Content-Type"]?.ToString() == "application/json"
            ? Normalize(body) == Normalize(answer.Body) ? null : $"{answer.Text} and not {Encoding.UTF8.GetString(body)}"
            : body.AsSpan().SequenceEqual(answer.Body) ? null : $"{answer.Text} and not {Encoding.UTF8.GetString(body)}";
    }

    private static string Normalize(byte[] json)
    {
        var node = JsonNode.Parse(json)!;
        if (node is not JsonArray items) return node.ToJsonString();
        foreach (var item in items.OfType<JsonObject>())
        {
            Assert.True((double)item["atime"]! > 0);
            item.Remove("atime");
            item.Remove("mtime");
            if ((bool)item["directory"]!) item["size"] = 0;
        }
        return node.ToJsonString();
    }

    private static byte[] Body(JsonNode message) => Convert.FromBase64String(message["body_base64"]!.ToString());
}
