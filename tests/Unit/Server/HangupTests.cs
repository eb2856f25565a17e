using System.Diagnostics;

namespace BorgStore.Tests.Server;

/// <summary>What a server does at SIGHUP.</summary>
public sealed class HangupTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_of_many_stores_reads_its_files_again_and_goes_on()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("A signal of Unix.");
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.Combine("rights.json"), "{}", Ct);
        await File.WriteAllTextAsync(folder.Combine("users"), "", Ct);
        var (server, url) = await ServerProcess.StartOurServerAsync("--root", folder.Path, "--port", "0", "--users", folder.Combine("users"), "--rights", folder.Combine("rights.json"));
        await using var stopped = server;
        await SendHangupAsync(server);
        await ServerProcess.WaitUntilAsync(
            () => server.Output.Contains($"Read the changed file {folder.Combine("users")}", StringComparison.Ordinal)
                && server.Output.Contains($"Read the changed file {folder.Combine("rights.json")}", StringComparison.Ordinal),
            () => server.Output, server.Process);
        using var http = new HttpClient();
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri(url + "/-/health"), Ct));
    }

    [Fact]
    public async Task A_server_of_one_store_ends()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("A signal of Unix.");
        using var folder = new TemporaryFolder();
        var (server, _) = await ServerProcess.StartOurServerAsync("--backend", folder.StoreUrl, "--port", "0");
        await using var stopped = server;
        await SendHangupAsync(server);
        await server.Process.WaitForExitAsync(Ct);
        Assert.Equal(0, server.Process.ExitCode);
    }

    private static async Task SendHangupAsync(ServerProcess server)
    {
        using var kill = Process.Start("kill", ["-HUP", server.Process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Ct);
    }
}
