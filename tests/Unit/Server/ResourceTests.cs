using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BorgStore.Tests.Server;

/// <summary>Limits of the memory and disk space that a client can make the server use.</summary>
public sealed class ResourceTests : IDisposable
{
    private const string Kill = "killed";
    private readonly TemporaryFolder _folder = new();

    public ResourceTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Reads /proc.");
        Directory.CreateDirectory(_folder.Combine("store", "data"));
        Directory.CreateDirectory(_folder.Combine("temporary"));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    // A rejected upload is not spooled, and the spool file of others has no name, so that a killed server leaves nothing.
    [InlineData("--permissions", """{"": "lrwWD", "data": "lr"}""", 1 << 20, 403)]
    [InlineData("--quota", "1000000", 2 << 20, 507)]
    [InlineData("--quota", "100000000", 100 << 20, 200)]
    [InlineData("--quota", "100000000", 100 << 20, Kill)]
    public async Task A_chunked_upload_uses_no_more_disk_space_than_allowed(string option, string value, long mostOnDisk, object end)
    {
        var (server, url) = await StartAsync(null, option, value);
        await using (server)
        {
            using var client = RawClient.Connect(new(url));
            client.Send(RawClient.Request("POST", "/data/a", "Transfer-Encoding: chunked\r\n"));
            for (var i = 0; i < 64; i++) SendChunk(client, new byte[1 << 20]);
            Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Combine("temporary")));
            Assert.InRange(GetSizeOfDeletedFiles(server.Process.Id), 0, mostOnDisk);
            if (end is Kill)
            {
                server.Process.Kill();
                await server.Process.WaitForExitAsync(TestContext.Current.CancellationToken);
            }
            else
            {
                client.Send("0\r\n\r\n");
                Assert.Equal(end, client.Receive().Status);
            }
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Combine("temporary")));
        Assert.Equal(end is 200 ? 64 << 20 : -1, new FileInfo(_folder.Combine("store", "data", "a")) is { Exists: true } file ? file.Length : -1);
    }

    [Fact]
    public async Task Slow_readers_of_a_large_listing_use_little_memory()
    {
        const int Count = 60_000;
        for (var i = 0; i < Count; i++) File.Create(_folder.Combine("store", "data", $"{i:d90}")).Dispose();
        // Each response would take 15 MB.
        var (server, url) = await StartAsync(100 << 20);
        await using (server)
        {
            var readers = Enumerable.Range(0, 16).Select(_ => ConnectSlowly(new(url), RawClient.Request("GET", "/data/"))).ToArray();
            foreach (var reader in readers) Assert.Equal(12, reader.Receive(new byte[12], SocketFlags.None));
            using (var honest = RawClient.Connect(new(url)))
            {
                var names = System.Text.Json.JsonDocument.Parse(honest.Exchange("GET", "/data/").Body).RootElement.EnumerateArray().Select(item => item.GetProperty("name").GetString());
                Assert.Equal(Enumerable.Range(0, Count).Select(i => $"{i:d90}"), names);
            }
            Assert.False(server.Process.HasExited, server.Output);
            Assert.DoesNotContain("OutOfMemory", server.Output, StringComparison.Ordinal);
            foreach (var reader in readers) reader.Dispose();
        }
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Combine("temporary")));
    }

    [Fact]
    public async Task Slow_readers_of_gathered_ranges_use_little_memory()
    {
        await File.WriteAllBytesAsync(_folder.Combine("store", "data", "large"), new byte[16 << 20], TestContext.Current.CancellationToken);
        var body = $"[{string.Join(',', Enumerable.Repeat("""["data/large",0,16777216]""", 256))}]";
        // With two windows of a mebibyte each, they would take 500 MiB.
        var (server, url) = await StartAsync(220 << 20);
        await using (server)
        {
            var readers = Enumerable.Range(0, 250).Select(_ => ConnectSlowly(new(url), RawClient.Request("POST", "/?cmd=gather", "", body.Length) + body)).ToArray();
            foreach (var reader in readers)
            {
                var head = new byte[15];
                Assert.Equal(15, reader.Receive(head, SocketFlags.None));
                Assert.Equal("HTTP/1.1 200 OK", Encoding.ASCII.GetString(head));
            }
            using var honest = RawClient.Connect(new(url));
            var answer = honest.Exchange("POST", "/?cmd=gather", "", """[["data/large", 0, 5000000], ["data/large", 1, 5000000]]"""u8.ToArray());
            Assert.Equal((200, 10_000_000), (answer.Status, answer.Body.Length));
            Assert.DoesNotContain("OutOfMemory", server.Output, StringComparison.Ordinal);
            foreach (var reader in readers) reader.Dispose();
        }
    }

    [Theory]
    [InlineData("gather")]
    [InlineData("defrag&target=data/new")]
    public async Task Endless_block_lists_use_little_memory(string command)
    {
        // All names differ, and 100 lists of 90,000 take 2 GiB.
        var (server, url) = await StartAsync(300 << 20);
        await using (server)
        {
            var list = new StringBuilder("[");
            for (var i = 0; i < 90_000; i++) list.Append($"[\"data/{i:d85}\",0,1],");
            var bytes = Encoding.ASCII.GetBytes(RawClient.Request("POST", $"/?cmd={command}", "", 32 << 20) + list);
            var refused = 0;
            var clients = new List<RawClient>();
            for (var i = 0; i < 60; i++)
            {
                var client = RawClient.Connect(new(url));
                clients.Add(client);
                try
                {
                    client.Send(bytes);
                }
                catch (IOException)
                {
                    refused++;
                }
            }
            using var honest = RawClient.Connect(new(url));
            Assert.Equal(200, honest.Exchange("POST", "/data/a", "", "value"u8.ToArray()).Status);
            Assert.Equal("alue", honest.Exchange("POST", "/?cmd=gather", "", """[["data/a", 1, 4]]"""u8.ToArray()).Text);
            Assert.DoesNotContain("OutOfMemory", server.Output, StringComparison.Ordinal);
            foreach (var client in clients) client.Dispose();
            // Clients that have left hold nothing any more.
            await ServerProcess.WaitUntilAsync(() =>
            {
                using var later = RawClient.Connect(new(url));
                var whole = $"[{string.Join(',', Enumerable.Repeat("""["data/a",0,0]""", 90_000))}]";
                return later.Exchange("POST", "/?cmd=gather", "", Encoding.ASCII.GetBytes(whole)).Status == 200;
            }, () => server.Output, server.Process);
        }
    }

    private static void SendChunk(RawClient client, byte[] bytes)
    {
        client.Send($"{bytes.Length:x}\r\n");
        client.Send(bytes);
        client.Send("\r\n");
    }

    // Opens a connection that receives a few kilobytes and no more.
    private static Socket ConnectSlowly(Uri address, string request)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096, ReceiveTimeout = 60_000 };
        socket.Connect(IPAddress.Parse(address.Host), address.Port);
        socket.Send(Encoding.ASCII.GetBytes(request));
        return socket;
    }

    private Task<(ServerProcess Server, string Url)> StartAsync(long? heapLimit, params string[] arguments)
    {
        var environment = new Dictionary<string, string>
        {
            ["TMPDIR"] = _folder.Combine("temporary"),
            // Diagnostics would create files of their own in the folder.
            ["DOTNET_EnableDiagnostics"] = "0",
        };
        if (heapLimit is { } limit) environment["DOTNET_GCHeapHardLimit"] = $"0x{limit:x}";
        return ServerProcess.StartOurServerAsync(environment, ["--port", "0", "--backend", _folder.StoreUrl, .. arguments]);
    }

    private static long GetSizeOfDeletedFiles(int process)
        => Directory.EnumerateFiles($"/proc/{process}/fd")
            .Where(file => new FileInfo(file).LinkTarget is { } target && target.EndsWith("(deleted)", StringComparison.Ordinal) && !target.StartsWith("/memfd", StringComparison.Ordinal))
            .Sum(GetSize);

    private static long GetSize(string file)
    {
        try
        {
            using var handle = File.OpenHandle(file);
            return RandomAccess.GetLength(handle);
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return 0;
        }
    }
}
