using BorgStore.Borg;
using BorgStore.Hashing;

namespace BorgStore.Tests.Stores;

/// <summary>Locks of Borg 2 repositories, acquired by two clients at once.</summary>
public sealed class BorgLockTests : StoreFixture
{
    private const string Elsewhere = "elsewhere@1";
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("borg-b22", "sha256")]
    [InlineData("borg-b25", "blake3")]
    public async Task A_lock_is_an_item_in_the_format_of_Borg_as_long_as_it_is_held(string golden, string algorithm)
    {
        await using var store = await OpenGoldenAsync(golden);
        var locks = await LocksOfAsync(store);
        await using (var held = await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct))
        {
            Assert.Equal($"locks/{await store.HashAsync(held.Name, HashKind.Parse(algorithm), cancellationToken: Ct)}", held.Name);
            Assert.Matches("""^\{"exclusive":true,"hostid":".+@\d+","processid":\d+,"threadid":\d+,"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"\}$""",
                System.Text.Encoding.UTF8.GetString(await store.LoadAsync(held.Name, cancellationToken: Ct)));
            var info = Assert.Single(await locks.ListAsync(Ct));
            Assert.Equal((held.Name, Environment.ProcessId, true, true, BorgLockState.Live), (info.Name, info.ProcessId, info.IsOwn, info.IsExclusive, info.State));
        }
        Assert.Empty(await locks.ListAsync(Ct));
    }

    [Fact]
    public async Task Shared_locks_coexist_and_an_exclusive_one_waits_until_they_are_released()
    {
        await using var store = await OpenGoldenAsync();
        await using var other = await OpenAsync(store);
        var (locks, others) = (await LocksOfAsync(store), await LocksOfAsync(other));
        var first = await locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct);
        await using (await others.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct))
        {
            var error = await FailsAsync(StoreError.StoreLocked, () => others.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct));
            Assert.Contains($"shared lock of process {Environment.ProcessId} on ", error.Message, StringComparison.Ordinal);
            Assert.Equal(2, (await locks.ListAsync(Ct)).Count);
        }
        var waiting = others.AcquireAsync(exclusive: true, Long, Ct);
        while (!(await locks.ListAsync(Ct)).Any(info => info.IsExclusive)) await Task.Yield();
        await FailsAsync(StoreError.StoreLocked, () => locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct));
        await first.DisposeAsync();
        await using var exclusive = await waiting;
        Assert.Equal(exclusive.Name, Assert.Single(await locks.ListAsync(Ct)).Name);
    }

    [Fact]
    public async Task At_most_one_of_many_clients_gets_an_exclusive_lock()
    {
        await using var store = await OpenGoldenAsync();
        var locks = await LocksOfAsync(store);
        var (held, most) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            try
            {
                await using var mine = await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct);
                InterlockedMax(ref most, Interlocked.Increment(ref held));
                await Task.Delay(20, Ct);
                Interlocked.Decrement(ref held);
            }
            catch (StoreException e) when (e.Error == StoreError.StoreLocked)
            {
                // As expected of all but one at a time.
            }
        }, Ct)));
        Assert.True(most <= 1, $"{most} clients had an exclusive lock at once");
        Assert.Empty(await locks.ListAsync(Ct));
    }

    [Fact]
    public async Task A_lock_of_an_ended_process_or_without_a_refresh_is_stale_and_replaced()
    {
        await using var store = await OpenGoldenAsync();
        var locks = await LocksOfAsync(store);
        var ended = await AddAsync(store, LockOwner.HostId, int.MaxValue, DateTime.UtcNow);
        var expired = await AddAsync(store, Elsewhere, 1, DateTime.UtcNow.AddMinutes(-31), written: DateTime.UtcNow.AddMinutes(-31));
        Assert.Equal([(ended, BorgLockState.OwnerEnded), (expired, BorgLockState.Expired)],
            (await locks.ListAsync(Ct)).Select(info => (info.Name, info.State)).OrderByDescending(info => info.Name == ended));

        await using var held = await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct);
        Assert.Equal(held.Name, Assert.Single(await locks.ListAsync(Ct)).Name);
    }

    [Fact]
    public async Task A_lock_from_a_machine_whose_clock_is_slow_is_live_if_the_storage_wrote_it_lately()
    {
        await using var store = await OpenGoldenAsync();
        var locks = await LocksOfAsync(store);
        await AddAsync(store, Elsewhere, 1, DateTime.UtcNow.AddHours(-2));
        var info = Assert.Single(await locks.ListAsync(Ct));
        Assert.Equal(BorgLockState.Live, info.State);
        await FailsAsync(StoreError.StoreLocked, () => locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct));
        Assert.Equal(info, Assert.Single(await locks.ListAsync(Ct)));
    }

    [Fact]
    public async Task A_lock_that_only_looks_expired_to_this_machine_is_not_removed()
    {
        await using var store = await OpenGoldenAsync();
        var locks = await LocksOfAsync(store);
        var name = await AddAsync(store, Elsewhere, 1, DateTime.UtcNow);
        // What a listing shows if this machine's clock is an hour fast.
        var seen = Assert.Single(await locks.ListAsync(Ct)) with { State = BorgLockState.Expired };
        await FailsAsync(StoreError.StoreLocked, async () => await locks.RemoveAsync(seen, cancellationToken: Ct));
        Assert.Equal(name, Assert.Single(await locks.ListAsync(Ct)).Name);

        Assert.True(await locks.RemoveAsync(seen, force: true, Ct));
        Assert.False(await locks.RemoveAsync(seen, force: true, Ct));
    }

    [Fact]
    public async Task An_encrypted_lock_counts_as_exclusive_until_the_storage_has_not_written_it_for_long()
    {
        await using var store = await OpenGoldenAsync("borg-b25");
        var locks = await LocksOfAsync(store);
        var path = Path.Combine(Folder.Path, "borg-b25", "locks", new string('a', 64));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllBytesAsync(path, [0, 1, 2, 3], Ct);
        var info = Assert.Single(await locks.ListAsync(Ct));
        Assert.Equal((false, true, null, BorgLockState.Live), (info.IsReadable, info.IsExclusive, info.HostId, info.State));
        var error = await FailsAsync(StoreError.StoreLocked, () => locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct));
        Assert.Contains("whose owner is encrypted with the repository's key", error.Message, StringComparison.Ordinal);

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-31));
        await using var held = await locks.AcquireAsync(exclusive: false, TimeSpan.Zero, Ct);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_lock_is_refreshed_while_it_is_held_and_lost_if_somebody_removes_it()
    {
        await using var store = await OpenGoldenAsync();
        var locks = await LocksOfAsync(store);
        (locks.RefreshAge, locks.RefreshInterval) = (TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(5));
        await using var held = await locks.AcquireAsync(exclusive: true, TimeSpan.Zero, Ct);
        var first = held.Name;
        while (held.Name == first || (await locks.ListAsync(Ct)).Any(info => info.Name == first)) await Task.Delay(5, Ct);
        Assert.False(held.Lost.IsCancellationRequested);
        held.ThrowIfLost();

        // Until a removal hits the current one.
        while (!held.Lost.IsCancellationRequested)
        {
            foreach (var info in await locks.ListAsync(Ct)) await locks.RemoveAsync(info, force: true, Ct);
            await Task.Delay(5, Ct);
        }
        Assert.Throws<StoreException>(held.ThrowIfLost);
        await held.DisposeAsync();
        Assert.Empty(await locks.ListAsync(Ct));
    }

    [Fact]
    public async Task Closing_the_store_releases_its_locks()
    {
        var store = await OpenGoldenAsync();
        await (await LocksOfAsync(store)).AcquireAsync(exclusive: true, TimeSpan.Zero, Ct);
        var folder = Path.Combine(Folder.Path, "borg-b22", "locks");
        Assert.Single(Directory.GetFiles(folder));
        await store.DisposeAsync();
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public async Task Other_stores_have_no_locks()
    {
        await using var store = await CreateAsync(("config", 0), ("locks", 0));
        Assert.Null(await store.FindBorgLocksAsync(Ct));
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = most; value > seen; seen = most) Interlocked.CompareExchange(ref most, value, seen);
    }

    private Task<Store> OpenGoldenAsync(string golden = "borg-b22") => Store.OpenAsync(new(new Uri(Unpack(golden)).AbsoluteUri), Ct);

    private static Task<Store> OpenAsync(Store store) => Store.OpenAsync(new(store.Url), Ct);

    private static async Task<BorgLocks> LocksOfAsync(Store store) => Assert.IsType<BorgLocks>(await store.FindBorgLocksAsync(Ct));

    // Adds an exclusive lock of somebody else.
    private async Task<string> AddAsync(Store store, string hostId, int processId, DateTime time, DateTime? written = null)
    {
        var value = new LockContent(true, hostId, processId, 0, time).ToBytes();
        var name = $"locks/{HashKind.Sha256.ComputeHex(value)}";
        await store.StoreAsync(name, new(value), cancellationToken: Ct);
        if (written is { } by) File.SetLastWriteTimeUtc(Path.Combine(Folder.Path, "borg-b22", name), by);
        return name;
    }
}
