using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Quota;
using BorgStore.Hashing;

namespace BorgStore.Tests.Backends.Files;

/// <summary>Files that another user with access to the folder of a store may plant there.</summary>
public sealed class ForeignFileTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_pipe_in_the_place_of_a_file_stops_no_operation()
    {
        var path = _directory["store"];
        await using (var creator = new FileBackend(path))
        {
            await creator.CreateAsync(Ct);
            await creator.OpenAsync(Ct);
            await creator.StoreAsync("data/a", "a value"u8.ToArray(), StoreMode.Overwrite, Ct);
        }
        // Opening a pipe waits for somebody at its other end, unless that is refused.
        foreach (var name in new[] { "quota.hid", "quota-session-x.hid", QuotaSession.FileName, "data/pipe", "data/x.tmp", "data/other" })
            await MakePipeAsync(Path.Combine(path, name));

        // Not disposed after a failure, because that would wait for an operation that waits.
        var backend = new FileBackend(path, new BackendOptions { Quota = 1_000_000, Durability = Durability.Each });
        await backend.OpenAsync(Ct);
        await InTimeAsync(async () => Assert.Null(await backend.LoadAsync("data/pipe", ByteRange.Whole, Ct)));
        await InTimeAsync(async () => Assert.Null(await backend.HashAsync("data/pipe", HashKind.Sha256, Ct)));
        await InTimeAsync(() => Assert.ThrowsAsync<StoreException>(async () =>
        {
            await using var stream = await backend.GatherAsync([new Block("data/pipe", 0, 1)], Ct);
            await stream.ReadToEndAsync(Ct);
        }));
        await InTimeAsync(() => Assert.ThrowsAsync<StoreException>(
            () => backend.DefragAsync(new DefragRequest([new Block("data/pipe", 0, 1)]) { Target = "data/b" }, Ct).AsTask()));
        await InTimeAsync(async () => Assert.Equal(7, (await backend.GetQuotaAsync(Ct)).Used));
        await InTimeAsync(async () => Assert.Contains("data/a", await backend.ListAsync("", ListScope.Tree, Ct).Select(item => item.Name).ToListAsync(Ct)));
        await InTimeAsync(async () => await backend.StoreAsync("data/pipe", new byte[10], StoreMode.Overwrite, Ct));
        await InTimeAsync(async () => Assert.True(await backend.MoveAsync("data/pipe", "data/other", StoreMode.Overwrite, Ct)));
        Assert.Equal(10, (await backend.FindAsync("data/other", Ct))!.Value.Size);
        Assert.Equal(17, (await backend.GetQuotaAsync(Ct)).Used);
        await backend.DisposeAsync();
    }

    // The call itself may wait, not only what it returns.
    private static Task InTimeAsync(Func<Task> act) => Task.Run(act, Ct).WaitAsync(TimeSpan.FromSeconds(60), Ct);

    private static async Task MakePipeAsync(string path)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("Windows has no pipes in folders.");
        Assert.True(await Programs.RunAsync("mkfifo", path) is (0, _));
    }
}
