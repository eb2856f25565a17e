using BorgStore.Borg;

namespace BorgStore.Tests.Borg;

/// <summary>The real Borg and this library honour each other's locks.</summary>
public sealed class BorgLockingTests : IDisposable
{
    private const int LockTimeout = 73;
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Borg_waits_for_our_locks_and_notices_stale_ones()
    {
        var (borg, store, locks) = await CreateAsync("aes256-ocb");
        await using var _ = store;
        await using (await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct))
            await borg.AssertFailsAsync(LockTimeout, "repo-list", "--lock-wait=0");
        await using (await locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct))
            await borg.AssertFailsAsync(LockTimeout, "check", "--lock-wait=0");

        // Left behind by a client on another machine.
        var name = $"locks/{new string('a', 64)}";
        await store.StoreAsync(name, new(new LockContent(true, "elsewhere@1", 1, 0, DateTime.UtcNow.AddHours(-1)).ToBytes()), cancellationToken: Ct);
        File.SetLastWriteTimeUtc(_folder.Combine($"repository/{name}"), DateTime.UtcNow.AddMinutes(-31));
        await borg.RunAsync(_folder.Path, "repo-list", "--lock-wait=0");
        Assert.Empty(await locks.ListAsync(Ct));

        locks.RefreshInterval = TimeSpan.FromMilliseconds(10);
        await using var broken = await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct);
        await borg.RunAsync(_folder.Path, "break-lock");
        locks.RefreshAge = TimeSpan.Zero;
        while (!broken.Lost.IsCancellationRequested) await Task.Delay(10, Ct);
    }

    [Theory]
    [InlineData("aes256-ocb", false)]
    [InlineData("authenticated-sha256", true)]
    public async Task Locks_of_Borg_are_in_the_way_of_ours(string encryption, bool isReadable)
    {
        if (isReadable) LongTests.Require("Every run tries this on an encrypted repository");
        var (borg, store, locks) = await CreateAsync(encryption);
        await using var _ = store;
        var mark = _folder.Combine("mark");
        var working = borg.RunAsync(_folder.Path, "with-lock", "sh", "-c", "touch mark; while [ -e mark ]; do sleep 0.02; done");
        while (!File.Exists(mark) && !working.IsCompleted) await Task.Delay(10, Ct);

        var info = Assert.Single(await locks.ListAsync(Ct));
        Assert.Equal((isReadable, true, isReadable, BorgLockState.Live), (info.IsReadable, info.IsExclusive, info.ProcessId > 0, info.State));
        var error = await Assert.ThrowsAsync<StoreException>(() => locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct));
        Assert.Equal(StoreError.StoreLocked, error.Error);
        File.Delete(mark);
        await working;
        await using var held = await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct);
        Assert.Equal(held.Name, Assert.Single(await locks.ListAsync(Ct)).Name);
    }

    public void Dispose() => _folder.Dispose();

    private async Task<(BorgClient Borg, Store Store, BorgLocks Locks)> CreateAsync(string encryption)
    {
        var borg = new BorgClient(_folder.Combine("home"), _folder.Combine("repository"));
        await borg.RunAsync(_folder.Path, "repo-create", $"--encryption={encryption}");
        var store = await Store.OpenAsync(new(new Uri(_folder.Combine("repository")).AbsoluteUri), Ct);
        return (borg, store, Assert.IsType<BorgLocks>(await store.FindBorgLocksAsync(Ct)));
    }
}
