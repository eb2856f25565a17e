using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using BorgStore.Security;
using BorgStore.Tests.Answers;
using Microsoft.Extensions.Logging;

namespace BorgStore.Tests.Server;

/// <summary>Almost valid requests and noise: the server rejects them with a reason or executes them,
/// and memory stays flat. BORGSTORE_TEST_LONG=1 tries a million. <c>tests/fuzz</c> tries them in memory, and each parser alone.</summary>
public sealed partial class RequestFuzzTests
{
    private static readonly int Count = LongTests.Choose(3000, 1_000_000);

    // How long to wait for a response, because an incomplete request has none.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Mutated_requests_never_cause_a_server_error()
    {
        using var folder = new TemporaryFolder();
        var socket = folder.Combine("socket");
        var store = folder.Combine("store");
        Directory.CreateDirectory(Path.Combine(store, "few"));
        Directory.CreateDirectory(Path.Combine(store, "data"));
        await using var server = await InProcessServer.StartAsync(store, options => options with
        {
            // With TCP, ports would run out.
            UnixSocket = socket,
            LogLevel = LogLevel.Warning,
            Quota = 1 << 20,
            Permissions = PermissionMap.Parse("""{"": "lrw", "data": "lrwWD", "few": "lrwWD", "secret": ""}"""),
        });
        // No request may delete these, whatever it was.
        foreach (var name in new[] { "config", "secret" })
            await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(store, name)).FullName, "kept"), "kept", Ct);
        var before = HeldMemory.Measure();
        var answers = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Ct }, async (seed, token) =>
        {
            var random = new Random(seed);
            var bytes = random.Next(20) == 0 ? Mutation.Noise(random, 300) : Mutate(Requests[random.Next(Requests.Length)], random);
            string answer;
            try
            {
                answer = await ExchangeAsync(socket, bytes, token);
            }
            catch (SocketException)
            {
                // The request was not read to its end.
                return;
            }
            foreach (var status in StatusLine().Matches(answer).Select(match => match.Groups[1].Value))
            {
                Assert.True(status is not ("500" or "503"), $"Seed {seed}: {Encoding.Latin1.GetString(bytes)}\n{answer}\n{server.Log}");
                answers.AddOrUpdate(status, 1, (_, count) => count + 1);
            }
        });
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", answers.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}: {pair.Value}")));
        // A fair share of the requests was valid, and another one was parsed and rejected.
        Assert.True(answers["200"] > Count / 10 && answers["400"] > Count / 10);
        // Neither a request nor a client that disconnects is an error of the server.
        Assert.DoesNotContain(server.Log.Split('\n'), line => line.Contains("Z error ", StringComparison.Ordinal) || line.Contains("   at ", StringComparison.Ordinal));
        foreach (var name in new[] { "config", "secret" }) Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(store, name, "kept"), Ct));
        Assert.StartsWith("HTTP/1.1 200 OK", await ExchangeAsync(socket, Encoding.Latin1.GetBytes(Request("HEAD", "/few", "", null)), Ct), StringComparison.Ordinal);
        HeldMemory.AssertReleased(before, 50 << 20);
    }

    private static readonly (string Method, string Target, string Headers, string? Body)[] Requests =
    [
        ("GET", "/data/a", "Range: bytes=0-3\r\n", null),
        ("GET", "/few/", "", null),
        ("GET", "/few/?cmd=tree", "", null),
        ("HEAD", "/data/a", "", null),
        ("POST", "/data/a", $"X-Content-hash: sha256 {new string('a', 64)}\r\n", "12345"),
        ("POST", "/data/a", "", "12345"),
        ("POST", "/few/b", "Transfer-Encoding: chunked\r\n", null),
        ("POST", "/?cmd=move&current=data/a&new=few/c", "", null),
        ("POST", "/?cmd=gather", "", """[["data/a", 0, 3], ["secret/kept", 0, 2]]"""),
        ("POST", "/?cmd=gather", "", """[["data/a", 0, 3], ["data/a", -3, 2]]"""),
        ("POST", "/?cmd=defrag&target=data/d", "", """[["data/a", 0, 3], ["few/b", -3, 2]]"""),
        ("POST", "/?cmd=defrag&algorithm=sha256&namespace=data&levels=2", "", """[["data/a", 0, 3]]"""),
        ("GET", "/data/a?cmd=hash&algorithm=sha256", "", null),
        ("DELETE", "/data/a", "", null),
        ("DELETE", "/data/xy?cmd=rmdir", "", null),
        ("POST", "/data/xy?cmd=mkdir", "", null),
        ("GET", "/?cmd=quota", "", null),
        ("GET", "/?cmd=temporaries&older-than=3", "", null),
        ("DELETE", "/?cmd=temporary&id=data/x.tmp", "", null),
    ];

    // Changes one part of a request, so that the rest still reaches the code for that part; or anything.
    private static byte[] Mutate((string Method, string Target, string Headers, string? Body) request, Random random)
    {
        var (method, target, headers, body) = request;
        switch (random.Next(body is null ? 3 : 4))
        {
            case 0:
                target = Change(target);
                break;
            case 1:
                headers = Change(headers);
                break;
            case 2:
                return Mutation.Of(Encoding.Latin1.GetBytes(Request(method, target, headers, body)), random);
            default:
                body = Change(body!);
                break;
        }
        return Encoding.Latin1.GetBytes(Request(method, target, headers, body));

        string Change(string text) => Encoding.Latin1.GetString(Mutation.Of(Encoding.Latin1.GetBytes(text), random));
    }

    private static string Request(string method, string target, string headers, string? body)
        => RawClient.Request(method, target, headers + "Connection: close\r\n", body?.Length) + (body ?? (headers.Contains("chunked", StringComparison.Ordinal) ? "5\r\n12345\r\n0\r\n\r\n" : ""));

    // Returns the server's responses until it closes the connection or waits for more.
    private static async Task<string> ExchangeAsync(string path, byte[] request, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        await socket.SendAsync(request, cancellationToken);
        var answer = new StringBuilder();
        var buffer = new byte[64 << 10];
        while (true)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(Patience);
            try
            {
                var read = await socket.ReceiveAsync(buffer, patience.Token);
                if (read == 0) return answer.ToString();
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return answer.ToString();
            }
        }
    }

    [GeneratedRegex("HTTP/1.1 ([0-9]{3}) ")]
    private static partial Regex StatusLine();
}
