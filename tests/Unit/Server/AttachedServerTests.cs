using System.Diagnostics;

namespace BorgStore.Tests.Server;

/// <summary>The server as a child process of a program.</summary>
public sealed class AttachedServerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("127.0.0.1", "http://127.0.0.1:")]
    [InlineData("localhost", "http://")]
    public async Task An_attached_server_prints_its_address_and_ends_with_its_input(string host, string url)
    {
        // The URL of the store may contain a secret, and is then passed in the environment.
        using var server = Start(["--attached", "--host", host, "--port", "0"], _folder.StoreUrl);
        var address = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(url, address);
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri(address!), TestContext.Current.CancellationToken);
        Assert.Equal(406, (int)answer.StatusCode);

        server.StandardInput.Close();
        Assert.True(server.WaitForExit(20_000));
        Assert.Equal(0, server.ExitCode);
    }

    [Fact]
    public async Task Starting_on_a_port_in_use_fails_with_a_clear_error()
    {
        await using var other = await TestServer.StartAsync();
        var port = other.Address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        using var server = Start(["--attached", "--port", port], _folder.StoreUrl);
        Assert.Null(await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Contains($"127.0.0.1, port {port} failed: another program is already listening there", await server.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        Assert.True(server.WaitForExit(20_000));
        Assert.Equal(1, server.ExitCode);
    }

    [Theory]
    [InlineData("--attached", "--stdio")]
    [InlineData("--host", "no.such host")]
    public void Contradictory_arguments_are_rejected(params string[] arguments)
    {
        using var server = Start(arguments, _folder.StoreUrl);
        Assert.True(server.WaitForExit(20_000));
        Assert.Equal(2, server.ExitCode);
        Assert.Contains(arguments[0], server.StandardError.ReadToEnd());
    }

    private static Process Start(string[] arguments, string backend)
    {
        var start = new ProcessStartInfo(ServerProcess.OurServer, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["BORGSTORE_SERVER_BACKEND"] = backend;
        return Process.Start(start)!;
    }
}
