using System.Text;
using System.Text.Json.Nodes;
using BorgStore.Security;

namespace BorgStore.Tests.Server;

/// <summary>Replays requests recorded with the Python server byte by byte, and compares the responses.</summary>
public sealed class RecordedExchangesTests
{
    private static readonly Dictionary<string, JsonArray> Recordings = new[] { "rest-exchanges.json", "rest-exchanges-0.7.0.json" }.ToDictionary(
        file => file,
        file => JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", file)))!["scenarios"]!.AsArray());

    // Errors of the Python server, with the correct responses.
    private static readonly Dictionary<string, (int Status, string? Body)> Corrected = new()
    {
        ["load range: suffix longer than object"] = (206, "hello borgstorehello borgstorehello borgstore"),
        ["gather: negative offset beyond the start"] = (416, null),
        ["gather: a directory"] = (404, null),
        ["rmdir non-empty"] = (400, null),
        ["gather: huge size"] = (416, null),
        ["gather: huge offset"] = (416, null),
        ["gather: integer beyond 64 bits"] = (400, null),
    };

    public static TheoryData<string, int, string> All => new(Recordings.SelectMany(
        recording => recording.Value.Select((scenario, i) => (recording.Key, i, scenario!["scenario"]!.ToString()))));

    [Theory]
    [MemberData(nameof(All))]
    public async Task Every_response_matches_that_of_the_Python_server(string file, int number, string name)
    {
        var scenario = Recordings[file][number]!;
        var told = scenario["server"]!;
        var exchanges = scenario["exchanges"]!.AsArray();
        // The values that existed when the recording began.
        var before = name.StartsWith("permissions", StringComparison.Ordinal) ? [("data/old", "old value")]
            : name.StartsWith("gather with", StringComparison.Ordinal) ? [("data/aa/aa00", "0123456789"), ("data/bb/bb11", "abcdef")]
            : Array.Empty<(string, string)>();
        await using var server = await TestServer.StartAsync(options => options with
        {
            Permissions = told["permissions"] is { } permissions ? PermissionMap.Parse(permissions.ToString()) : null,
            Quota = (long?)told["quota"],
            Username = told["username"]?.ToString(),
            Password = told["password"]?.ToString(),
        }, create: before.Length > 0);
        foreach (var (item, value) in before)
        {
            var path = Path.Combine(server.StorePath, item);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, value, TestContext.Current.CancellationToken);
        }

        var problems = new List<string>();
        RawClient? client = null;
        foreach (var exchange in exchanges)
        {
            var title = (exchange!["title"] ?? exchange["name"])!.ToString();
            var (request, expected) = (exchange["request"]!, exchange["response"]!);
            var method = request["method"]!.ToString();
            var headers = string.Concat(request["headers"]!.AsObject().Select(header => $"{header.Key}: {header.Value}\r\n"));
            client ??= server.Connect();
            client.Send([.. Encoding.Latin1.GetBytes($"{method} {request["target"]} HTTP/1.1\r\n{headers}\r\n"), .. Body(request)]);
            var answer = client.Receive(method == "HEAD");
            if (request["headers"]!["Connection"]?.ToString() == "close")
            {
                client.Dispose();
                client = null;
            }
            if (Compare(method, title, expected, answer) is { } problem) problems.Add($"{name}, {title}: {problem}");
            // The server never reveals its paths, and an error is a single line.
            if (answer.Status >= 400 && (answer.Text.Contains(server.StorePath, StringComparison.Ordinal) || answer.Text.Contains('\n')))
                problems.Add($"{name}, {title}: {answer.Text}");
        }
        client?.Dispose();
        Assert.Empty(problems);
    }

    private static string? Compare(string method, string title, JsonNode expected, RawAnswer answer)
    {
        var status = (int)expected["status"]!;
        var body = Body(expected);
        if (Corrected.TryGetValue(title, out var corrected))
            return answer.Status == corrected.Status && (corrected.Body ?? answer.Text) == answer.Text ? null : $"{answer.Status} {answer.Text}";
        if (answer.Status != status) return $"{answer.Status} {answer.Text} and not {status}";
        if (status >= 400 && status is not (401 or 422)) return null;

        var headers = expected["headers"]!.AsObject();
        var isDirectory = headers["X-BorgStore-Is-Directory"]?.ToString() == "true";
        foreach (var (key, value) in headers)
        {
            if (!answer.Headers.TryGetValue(key, out var actual)) return $"no header {key}";
            var isMeaningless = key is "X-BorgStore-Atime" or "X-BorgStore-Mtime"
                // A directory has no size of its own, and the length of equivalent JSON may differ.
                || (key == "Content-Length" && (isDirectory || headers["Content-Type"]?.ToString() == "application/json"));
            if (isMeaningless ? key.EndsWith("time", StringComparison.Ordinal) && !(ParseSeconds(actual) > 0) : actual != value!.ToString())
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
            // Times differ, and 0.6.0 has no write times.
            foreach (var time in new[] { "atime", "mtime" })
                if (item.Remove(time, out var seconds)) Assert.True((double)seconds! > 0);
            if ((bool)item["directory"]!) item["size"] = 0;
        }
        return node.ToJsonString();
    }

    private static double ParseSeconds(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static byte[] Body(JsonNode message) => Convert.FromBase64String((message["body_base64"] ?? message["body"])!.ToString());
}
