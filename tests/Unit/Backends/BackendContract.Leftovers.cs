using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

/// <summary>Operations that are abandoned, and stores that are closed, halfway.</summary>
public abstract partial class BackendContract
{
    [Theory]
    [InlineData(1000)]
    [InlineData(3 << 20)]
    public async Task An_abandoned_load_leaves_no_file_open(int size)
    {
        var folder = RawFolder;
        if (folder is null || !Directory.Exists("/proc/self/fd")) Assert.Skip("The open files of this storage cannot be counted.");
        var value = Bytes(size);
        await StoreAsync("data/a", value);
        for (var i = 0; i < Abandonments; i++)
        {
            using var source = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            var loading = Store.LoadAsync("data/a", default, source.Token).AsTask();
            // Cancels before, during or after the load.
            if (i % 4 == 1) await Task.Yield();
            if (i % 4 == 2) await Task.Delay(i % 5, Ct);
            var reading = i % 4 == 3 ? (await loading)!.CopyToAsync(Stream.Null, 1000, source.Token) : Task.CompletedTask;
            await source.CancelAsync();
            try
            {
                await using var stream = await loading;
                await reading;
                await stream!.CopyToAsync(Stream.Null, source.Token);
            }
            catch (OperationCanceledException)
            {
                // Expected.
            }
        }
        Assert.Equal(value, await LoadAsync("data/a"));
        await AssertNoneOpenAsync(folder);
    }

    [Theory]
    [InlineData(ListScope.OneLevel)]
    [InlineData(ListScope.Tree)]
    [InlineData(null)]
    public async Task Dispose_during_a_listing_completes(ListScope? scope)
    {
        foreach (var name in new[] { "data/aa/1", "data/bb/2", "data/cc/3" })
        {
            await StoreAsync(name, [1]);
            if (scope is null && !await PutUnfinishedAsync(name + "0")) Assert.Skip("Nothing can be put past this backend.");
        }
        var seen = 0;
        try
        {
            await foreach (var name in ListNamesAsync())
            {
                Assert.StartsWith(scope is null ? "data/" : "", name, StringComparison.Ordinal);
                if (++seen == 1) await Store.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Ct);
            }
        }
        catch (StoreException e) when (e.Error == StoreError.StoreNotOpen)
        {
            // The rest of the listing needs the store.
        }
        Assert.InRange(seen, 1, 3);
        if (RawFolder is { } folder) await AssertNoneOpenAsync(folder);

        IAsyncEnumerable<string> ListNamesAsync() => scope is { } wanted
            ? Store.ListAsync("data", wanted, Ct).Select(item => item.Name)
            : Store.ListTemporaryAsync(TimeSpan.Zero, Ct).Select(item => item.Id);
    }

    [Fact]
    public async Task Unfinished_items_are_found_by_age_and_removed()
    {
        await StoreAsync("data/a", [1]);
        if (!await PutUnfinishedAsync("data/b")) Assert.Skip("Nothing can be put past this backend.");
        Assert.Empty(await Store.ListTemporaryAsync(TimeSpan.FromHours(1), Ct).ToListAsync(Ct));
        Assert.Empty(await Store.ListTemporaryAsync(TimeSpan.MaxValue, Ct).ToListAsync(Ct));
        var item = Assert.Single(await Store.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct));
        Assert.StartsWith("data/b", item.Id, StringComparison.Ordinal);
        Assert.Equal(["a"], await ListNamesAsync("data"));
        Assert.True(await Store.DeleteTemporaryAsync(item, Ct));
        Assert.False(await Store.DeleteTemporaryAsync(item, Ct));
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task A_minimum_age_of_zero_includes_files_with_timestamps_in_the_future()
    {
        var folder = RawFolder;
        if (folder is null || !await PutUnfinishedAsync("data/b")) Assert.Skip("The times of this storage cannot be set.");
        File.SetLastWriteTimeUtc(Path.Combine(folder, "data/b.tmp"), DateTime.UtcNow.AddDays(2));
        Assert.Empty(await Store.ListTemporaryAsync(TimeSpan.FromSeconds(1), Ct).ToListAsync(Ct));
        var item = Assert.Single(await Store.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct));
        Assert.True(await Store.DeleteTemporaryAsync(item, Ct));
        await AssertOnlyFilesAsync();
    }

    // Checks all processes, including the server.
    private static async Task AssertNoneOpenAsync(string folder)
    {
        if (!Directory.Exists("/proc/self/fd")) return;
        for (var attempt = 0; ; attempt++)
        {
            var open = Directory.EnumerateDirectories("/proc").Where(process => char.IsAsciiDigit(Path.GetFileName(process)[0])).SelectMany(FindOpen).ToList();
            if (open.Count == 0) return;
            Assert.True(attempt < 100, $"{open.Count} files are open still, such as {open[0]}.");
            await Task.Delay(100, Ct);
        }

        IEnumerable<string> FindOpen(string process)
        {
            try
            {
                return [.. Directory.EnumerateFileSystemEntries(Path.Combine(process, "fd"))
                    .Select(descriptor => new FileInfo(descriptor).LinkTarget ?? "")
                    .Where(file => file.StartsWith(folder + "/data", StringComparison.Ordinal))];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The process has ended, or belongs to another user.
                return [];
            }
        }
    }
}
