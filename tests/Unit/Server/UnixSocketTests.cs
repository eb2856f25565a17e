using System.Net.Sockets;

namespace BorgStore.Tests.Server;

/// <summary>Existing files at the path of the server's unix socket.</summary>
public sealed class UnixSocketTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public UnixSocketTests()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Unix sockets have permissions on Unix only.");
        Directory.CreateDirectory(_folder.Combine("store"));
    }

    private string Path => _folder.Combine("s.sock");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_second_server_does_not_take_over_a_socket_in_use()
    {
        await using var first = await StartAsync();
        await Assert.ThrowsAnyAsync<IOException>(StartAsync);
        Assert.True(IsAnswered());
        await Assert.ThrowsAnyAsync<IOException>(StartAsync);
        Assert.True(IsAnswered());
    }

    [Fact]
    public async Task A_file_that_is_not_a_socket_is_not_replaced()
    {
        await File.WriteAllTextAsync(Path, "", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<StoreException>(StartAsync);
        Assert.Equal("", await File.ReadAllTextAsync(Path, TestContext.Current.CancellationToken));
        await File.WriteAllTextAsync(Path, "precious", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<StoreException>(StartAsync);
        Assert.Equal("precious", await File.ReadAllTextAsync(Path, TestContext.Current.CancellationToken));
        File.Delete(Path);

        Directory.CreateDirectory(Path);
        await Assert.ThrowsAsync<StoreException>(StartAsync);
        Assert.True(Directory.Exists(Path));
        Directory.Delete(Path);

        File.CreateSymbolicLink(Path, _folder.Combine("elsewhere"));
        await Assert.ThrowsAsync<StoreException>(StartAsync);
        Assert.NotNull(new FileInfo(Path).LinkTarget);
    }

    [Fact]
    public async Task The_socket_of_a_killed_server_is_replaced()
    {
        await using (var killed = ServerProcess.Start(ServerProcess.OurServer, ["--unix-socket", Path, "--backend", _folder.StoreUrl]))
        {
            await ServerProcess.WaitUntilAsync(() => killed.Output.Contains("listening on", StringComparison.Ordinal), () => killed.Output, killed.Process);
            killed.Process.Kill();
            await killed.Process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        Assert.True(File.Exists(Path));
        await using (await StartAsync()) Assert.True(IsAnswered());
        Assert.Equal([_folder.Combine("store")], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_socket_created_meanwhile_by_another_server_is_not_removed()
    {
        var first = await StartAsync();
        File.Move(Path, _folder.Combine("moved"));
        await using var second = await StartAsync();
        await first.DisposeAsync();
        Assert.True(IsAnswered());
    }

    [Fact]
    public async Task Other_users_can_never_connect_to_the_socket()
    {
        using var stop = new CancellationTokenSource();
        var seen = new HashSet<UnixFileMode>();
        var watching = Task.Run(() =>
        {
            if (OperatingSystem.IsWindows()) return;
            while (!stop.IsCancellationRequested)
                try
                {
                    seen.Add(File.GetUnixFileMode(Path));
                }
                catch (IOException)
                {
                    // Not there yet, or not any more.
                }
        }, TestContext.Current.CancellationToken);
        for (var i = 0; i < 10; i++)
            await using (await StartAsync()) Assert.True(IsAnswered());
        await stop.CancelAsync();
        await watching;
        const UnixFileMode OwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;
        Assert.Equal([OwnerAndGroup], seen);
    }

    private Task<InProcessServer> StartAsync() => InProcessServer.StartAsync(_folder.Combine("store"), options => options with { UnixSocket = Path });

    private bool IsAnswered()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };
        socket.Connect(new UnixDomainSocketEndPoint(Path));
        using var client = new RawClient(new NetworkStream(socket, ownsSocket: true));
        return client.Exchange("HEAD", "/").Status == 200;
    }
}
