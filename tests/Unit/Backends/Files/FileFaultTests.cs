using BorgStore.Backends;
using BorgStore.Backends.Files;
using BorgStore.Backends.Files.Portable;
using BorgStore.Hashing;

namespace BorgStore.Tests.Backends.Files;

/// <summary>Disks that are full or not writable.</summary>
public sealed class FileFaultTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private bool _isMounted;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string Mounted => _directory["mounted"];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_isMounted) await Programs.RunAsync("umount", Mounted);
        _directory.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_full_disk_gives_a_clear_error_and_leaves_no_files(bool portable)
    {
        await MountAsync("size=2m");
        var store = Path.Combine(Mounted, "store");
        await using var backend = new FileBackend(store, null, root => portable ? new PortableFileSystem(root) : FileSystem.For(root));
        await backend.CreateAsync(Ct);
        await backend.OpenAsync(Ct);
        await backend.StoreAsync("data/old", new byte[1_000_000], StoreMode.Overwrite, Ct);

        var attempts = new Func<Task>[]
        {
            () => backend.StoreAsync("data/new", new byte[1_500_000], StoreMode.Overwrite, Ct).AsTask(),
            () => backend.StoreAsync("data/old", new StoreValue(new ForwardStream(new byte[3_000_000]), 3_000_000), StoreMode.Overwrite, Ct).AsTask(),
            () => backend.DefragAsync(new DefragRequest([new Block("data/old", 0, 900_000), new Block("data/old", 0, 900_000)])
            {
                Algorithm = HashKind.Sha256,
                Namespace = "data",
            }, Ct).AsTask(),
            () => backend.DefragAsync(new DefragRequest([new Block("data/old", 0, 900_000), new Block("data/old", 0, 900_000)]) { Target = "data/d" }, Ct)
                .AsTask(),
        };
        foreach (var attempt in attempts)
        {
            var exception = await Assert.ThrowsAsync<StoreException>(attempt);
            Assert.Equal(StoreError.NoSpace, exception.Error);
            Assert.DoesNotContain(_directory.Path, exception.ToString(), StringComparison.Ordinal);
            Assert.Equal(["data/old"], TestDirectory.FilesBelow(store));
        }
        Assert.True(await backend.DeleteAsync("data/old", Ct));
        // A process that another test is just starting has all open files of this one, and keeps their room, until it runs its program.
        for (var attempt = 0; attempt < 50; attempt++)
        {
            try
            {
                await backend.StoreAsync("data/new", new byte[1_500_000], StoreMode.Overwrite, Ct);
                return;
            }
            catch (StoreException e) when (e.Error == StoreError.NoSpace)
            {
                await Task.Delay(100, Ct);
            }
        }
        Assert.Fail("The room of what was deleted is not free again.");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1000L)]
    public async Task A_store_on_read_only_media_can_be_opened_listed_and_read(long? quota)
    {
        await MountAsync("size=2m");
        var store = Path.Combine(Mounted, "store");
        await using (var writer = new FileBackend(store))
        {
            await writer.CreateAsync(Ct);
            await writer.OpenAsync(Ct);
            await writer.StoreAsync("data/a", new byte[100], StoreMode.Overwrite, Ct);
        }
        Assert.Equal(0, (await Programs.RunAsync("mount", "-o", "remount,ro", Mounted))!.Value.ExitCode);

        await using var reader = new FileBackend(store, new BackendOptions { Quota = quota });
        await reader.OpenAsync(Ct);
        await using (var stream = await reader.LoadAsync("data/a", ByteRange.Whole, Ct)) Assert.Equal(100, (await stream!.ReadToEndAsync(Ct)).Length);
        await foreach (var item in reader.ListAsync("", ListScope.Tree, Ct)) Assert.Equal("data/a", item.Name);
        Assert.NotNull(await reader.HashAsync("data/a", HashKind.Sha256, Ct));
        Assert.Equal(new QuotaInfo(quota, quota is null ? null : 100), await reader.GetQuotaAsync(Ct));
        foreach (var act in new Func<Task>[]
        {
            () => reader.StoreAsync("data/b", new byte[1], StoreMode.Overwrite, Ct).AsTask(),
            () => reader.DeleteAsync("data/a", Ct).AsTask(),
            () => reader.MoveAsync("data/a", "data/b", StoreMode.Overwrite, Ct).AsTask(),
            () => reader.MakeDirectoryAsync("new", Ct).AsTask(),
        })
        {
            var exception = await Assert.ThrowsAsync<StoreException>(act);
            Assert.Equal(StoreError.PermissionDenied, exception.Error);
            Assert.DoesNotContain(_directory.Path, exception.ToString(), StringComparison.Ordinal);
        }
        await reader.FlushAsync(Ct);
    }

    [Fact]
    public async Task Destroy_empties_a_base_directory_that_cannot_be_removed()
    {
        await MountAsync("size=2m");
        await using (var backend = new FileBackend(Mounted))
        {
            await backend.CreateAsync(Ct);
            await backend.OpenAsync(Ct);
            await backend.StoreAsync("data/01/a", new byte[1], StoreMode.Overwrite, Ct);
        }
        await using var destroyer = new FileBackend(Mounted);
        await destroyer.DestroyAsync(Ct);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Mounted));
    }

    private async Task MountAsync(string options)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("A file system in memory is mounted on Linux only.");
        Directory.CreateDirectory(Mounted);
        if (await Programs.RunAsync("mount", "-t", "tmpfs", "-o", options, "tmpfs", Mounted) is not (0, _)) Assert.Skip("Mounting needs to be root.");
        _isMounted = true;
    }
}
