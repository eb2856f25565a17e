namespace BorgStore.Tests.Windows;

/// <summary>Stores behind a small program that replaces ssh, called like ssh.exe or another Windows program.</summary>
[Collection(nameof(EnvironmentChanges))]
public sealed class FakeSshTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        ChildProgram.StandInForSsh(null);
        _folder.Dispose();
    }

    [Fact]
    public async Task A_store_can_be_used_through_a_remote_server()
    {
        ChildProgram.StandInForSsh(ChildProgram.Shell);
        // The server needs C:/… on Windows, and a second slash elsewhere.
        await UseAsync($"rest://me@host/{_folder.Combine("store").Replace('\\', '/')}");
        Assert.True(File.Exists(_folder.Combine("store", "config", "b")));
    }

    [Fact]
    public async Task A_store_can_be_used_over_sftp()
    {
        var port = Environment.GetEnvironmentVariable(ChildProgram.SftpPortVariable);
        Assert.SkipWhen(port is null, $"No SFTP server listens on the port that {ChildProgram.SftpPortVariable} names; tests/windows/run starts one.");
        ChildProgram.StandInForSsh(ChildProgram.Shell);
        await UseAsync($"sftp://host/store-{Guid.NewGuid():n}");
    }

    [Theory]
    [InlineData("sftp://host/store")]
    [InlineData("rest://host/store")]
    public async Task The_error_output_of_a_failing_program_is_quoted(string url)
    {
        ChildProgram.StandInForSsh(ChildProgram.Fail);
        var exception = await Assert.ThrowsAsync<StoreException>(() => Store.OpenAsync(new(url), Ct));
        Assert.Equal(StoreError.ConnectionLost, exception.Error);
        Assert.Contains("no way to get there", exception.Message, StringComparison.Ordinal);
    }

    private static async Task UseAsync(string url)
    {
        var value = new byte[1_000_000];
        new Random(1).NextBytes(value);
        await using (var store = await Store.CreateAsync(new(url) { Layout = new(("config", 0)) }, Ct))
        {
            await store.StoreAsync("config/a", value, cancellationToken: Ct);
            Assert.Equal(value, await store.LoadAsync("config/a", cancellationToken: Ct));
            await store.MoveAsync("config/a", "config/b", cancellationToken: Ct);
            var names = new List<string>();
            await foreach (var item in store.ListAsync("config", cancellationToken: Ct)) names.Add(item.Name);
            Assert.Equal(["config/b"], names);
        }
    }
}
