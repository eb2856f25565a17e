using System.Net;
using System.Net.Sockets;

namespace BorgStore.Tests.Server;

/// <summary>Connections that have not authenticated yet.</summary>
public sealed class ConnectionTests
{
    private static readonly string Credentials = $"Authorization: Basic {Convert.ToBase64String("user:pass"u8)}\r\n";

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost:")]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nHost: test\r\nAccept: application/vnd.x.borgstore.rest.v1\r\nAuthorization: Basic eDp5\r\n\r\n")]
    [InlineData("GET /?cmd=health HTTP/1.1\r\nHost: test\r\n\r\n")]
    public async Task Thousands_of_connections_of_strangers_do_not_lock_out_other_clients(string sent)
    {
        using var folder = new TemporaryFolder();
        var (server, url) = await StartAsync(folder, 0);
        await using (server)
        {
            var address = new Uri(url);
            using var early = RawClient.Connect(address);
            Assert.Equal(200, early.Exchange("HEAD", "/", Credentials).Status);
            var strangers = Enumerable.Range(0, 4500).Select(_ => Connect(address, sent)).ToArray();
            try
            {
                for (var i = 0; i < 5; i++)
                {
                    using var honest = RawClient.Connect(address);
                    Assert.Equal(200, honest.Exchange("HEAD", "/", Credentials).Status);
                }
                // A client that was admitted before keeps its connection.
                Assert.Equal(200, early.Exchange("HEAD", "/", Credentials).Status);
            }
            finally
            {
                foreach (var stranger in strangers) stranger.Dispose();
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nHost:")]
    public async Task A_client_that_sends_no_complete_head_is_cut_off(string sent)
    {
        await using var server = await TestServer.StartAsync(options => options with { StallTimeout = TimeSpan.FromSeconds(1.5) });
        using var client = server.Connect();
        client.Send(sent);
        Assert.True(client.TryReceive() is null or { Status: 408 });
    }

    [Fact]
    public async Task A_server_survives_more_connections_than_its_limit_of_open_files()
    {
        using var folder = new TemporaryFolder();
        var (server, url) = await StartAsync(folder, 300);
        await using (server)
        {
            var address = new Uri(url);
            for (var round = 0; round < 2; round++)
            {
                var clients = new List<Socket>();
                for (var i = 0; i < 600; i++) clients.Add(Connect(address, RawClient.Request("HEAD", "/", Credentials)));
                await Task.Delay(1000, TestContext.Current.CancellationToken);
                Assert.False(server.Process.HasExited, server.Output);
                foreach (var client in clients) client.Dispose();
                await ServerProcess.WaitUntilAsync(() =>
                {
                    using var honest = RawClient.Connect(address);
                    try
                    {
                        return honest.Exchange("POST", "/data/a", Credentials, new byte[200_000]).Status == 200;
                    }
                    catch (IOException)
                    {
                        return false;
                    }
                }, () => server.Output, server.Process);
            }
            Assert.DoesNotContain("Too many open files", server.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(128)]
    [InlineData(200)]
    public async Task A_limit_of_open_files_that_is_too_low_is_rejected_at_startup(int files)
    {
        using var folder = new TemporaryFolder();
        await using var server = StartLimited(folder, files);
        Assert.True(server.Process.WaitForExit(20_000));
        await ServerProcess.WaitUntilAsync(() => server.Output.Length > 0, () => server.Output);
        Assert.Contains("can open at most", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", server.Output, StringComparison.Ordinal);
        Assert.Equal(1, server.Process.ExitCode);
    }

    private static async Task<(ServerProcess Server, string Url)> StartAsync(TemporaryFolder folder, int files)
    {
        Directory.CreateDirectory(folder.Combine("store"));
        var server = StartLimited(folder, files);
        const string Before = "listening on ";
        await ServerProcess.WaitUntilAsync(() => server.Output.Contains(Before, StringComparison.Ordinal), () => server.Output, server.Process);
        return (server, server.Output[(server.Output.IndexOf(Before, StringComparison.Ordinal) + Before.Length)..].Split('\n')[0].Trim());
    }

    private static ServerProcess StartLimited(TemporaryFolder folder, int files)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Limits of open files are those of Linux.");
        return ServerProcess.Start("/bin/sh",
            ["-c", $"{(files > 0 ? $"ulimit -n {files};" : "")} exec \"$0\" \"$@\"", ServerProcess.OurServer, "--port", "0", "--backend", folder.StoreUrl, "--username", "user"],
            new Dictionary<string, string> { ["BORGSTORE_SERVER_PASSWORD"] = "pass" });
    }

    private static Socket Connect(Uri address, string sent)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Parse(address.Host), address.Port);
        try
        {
            if (sent.Length > 0) socket.Send(System.Text.Encoding.ASCII.GetBytes(sent));
        }
        catch (SocketException)
        {
            // The server accepts no more of them.
        }
        return socket;
    }
}
