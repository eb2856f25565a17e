namespace BorgStore.Tests.Server.Scale;

/// <summary>Only a folder can have a quota: several servers in front of one bucket could not count together.</summary>
public sealed class QuotaPlaceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("s3:http://127.0.0.1:1/bucket/stores", "Set it on the storage, such as a quota of the bucket")]
    [InlineData("sftp://127.0.0.1/stores", "Set it on the storage")]
    [InlineData("http://127.0.0.1:1/stores", "the server counts. Set it there")]
    public async Task A_server_with_a_quota_does_not_start_in_front_of_anything_but_a_folder(string url, string advice)
    {
        foreach (var place in new[] { "--backend", "--root" })
        {
            await using var server = ServerProcess.Start(ServerProcess.OurServer, [place, url, "--port", "0", "--quota", "1000"]);
            await AssertRefusedAsync(server, "A quota can only be set on a file store", advice);
        }
    }

    [Fact]
    public async Task Rights_with_a_quota_are_refused_in_front_of_anything_but_a_folder()
    {
        await File.WriteAllTextAsync(_folder.Combine("rights.json"), """{ "stores": { "*": { "quota": 1000 } } }""", TestContext.Current.CancellationToken);
        await using var server = ServerProcess.Start(ServerProcess.OurServer,
            ["--root", "s3:http://127.0.0.1:1/bucket/stores", "--port", "0", "--rights", _folder.Combine("rights.json")]);
        await AssertRefusedAsync(server, "a quota needs a root that is a folder");
    }

    private static async Task AssertRefusedAsync(ServerProcess server, params string[] texts)
    {
        Assert.True(server.Process.WaitForExit(20_000));
        await ServerProcess.WaitUntilAsync(() => texts.All(text => server.Output.Contains(text, StringComparison.Ordinal)), () => server.Output);
        Assert.Equal(2, server.Process.ExitCode);
    }
}
