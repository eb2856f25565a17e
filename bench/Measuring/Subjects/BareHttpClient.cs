using System.Diagnostics;
using System.Globalization;

namespace BorgStore.Benchmarks.Measuring.Subjects;

/// <summary>.NET's <see cref="HttpClient"/> with the requests of wrk and nothing around it: the floor of a client that is written in .NET.</summary>
internal static class BareHttpClient
{
    /// <summary>Serves the requests of <c>tests/Storm/WorkLoop.cs</c> on stdin.</summary>
    /// <param name="url">The server, which has the values to load.</param>
    public static async Task RunAsync(string url)
    {
        using var client = new HttpClient { BaseAddress = new(url) };
        client.DefaultRequestHeaders.TryAddWithoutValidation("Accept", "application/vnd.x.borgstore.rest.v1");
        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ');
            var (size, concurrency, count, least) = (Number(1), (int)Number(2), (int)Number(3), Number(4));
            var body = words[0] == "store" ? new byte[size] : null;
            var start = Stopwatch.GetTimestamp();
            var rounds = 0;
            do
            {
                await SendAllAsync(client, concurrency, count, body);
                rounds++;
            }
            while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < least);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ok {Stopwatch.GetElapsedTime(start).TotalNanoseconds / rounds:f0} -1 {count}"));

            long Number(int index) => long.Parse(words[index], CultureInfo.InvariantCulture);
        }
    }

    private static async Task SendAllAsync(HttpClient client, int concurrency, int count, byte[]? body)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < count;)
            {
                var path = $"/data/w{i:x8}";
                if (body is null)
                {
                    await client.GetByteArrayAsync(path);
                    continue;
                }
                using var content = new ByteArrayContent(body);
                using var response = await client.PostAsync(path, content);
                response.EnsureSuccessStatusCode();
            }
        })));
    }
}
