namespace BorgStore.Tests.Windows;

/// <summary>Files on Windows: locked, read-only, or with long paths.</summary>
public sealed class WindowsFileTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private Store _store = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private string ValueFile => _folder.Combine("store", "config", "a");

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsWindows(), "Windows only.");
        _store = await CreateAsync(_folder.StoreUrl);
        await _store.StoreAsync("config/a", "old"u8.ToArray(), cancellationToken: Ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_store is not null) await _store.DisposeAsync();
        foreach (var file in Directory.EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories)) File.SetAttributes(file, FileAttributes.Normal);
        _folder.Dispose();
    }

    [Fact]
    public async Task A_value_open_in_another_process_can_be_moved()
    {
        await using var reader = await HoldAsync();
        await _store.MoveAsync("config/a", "config/b", cancellationToken: Ct);
        Assert.Equal("old"u8.ToArray(), await _store.LoadAsync("config/b", cancellationToken: Ct));
        Assert.Null(await _store.FindAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task A_value_open_in_another_process_can_be_deleted()
    {
        await using (await HoldAsync())
        {
            await _store.DeleteAsync("config/a", cancellationToken: Ct);
            // Under Wine, and on Windows before version 1809, the name stays until the reader closes the file.
            if (!Wine.IsHere) Assert.Null(await _store.FindAsync("config/a", cancellationToken: Ct));
        }
        Assert.Null(await _store.FindAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task A_value_open_in_another_process_can_be_replaced()
    {
        Wine.Skip("it replaces no file that is open.");
        await using var reader = await HoldAsync();
        await _store.StoreAsync("config/a", "new"u8.ToArray(), cancellationToken: Ct);
        Assert.Equal("new"u8.ToArray(), await _store.LoadAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task Operations_on_a_value_locked_by_another_process_fail_and_leave_it_unchanged()
    {
        await using (await HoldAsync("alone"))
        {
            var acts = new Func<Task>[]
            {
                () => _store.LoadAsync("config/a", cancellationToken: Ct).AsTask(),
                () => _store.StoreAsync("config/a", "new"u8.ToArray(), cancellationToken: Ct).AsTask(),
                () => _store.MoveAsync("config/a", "config/b", cancellationToken: Ct).AsTask(),
                () => _store.DeleteAsync("config/a", cancellationToken: Ct).AsTask(),
            };
            foreach (var act in acts)
            {
                var exception = await Assert.ThrowsAsync<StoreException>(act);
                Assert.Contains("config/a", exception.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(_folder.Path, exception.ToString(), StringComparison.OrdinalIgnoreCase);
            }
        }
        Assert.Equal("old"u8.ToArray(), await _store.LoadAsync("config/a", cancellationToken: Ct));
        Assert.Equal(["a"], Directory.EnumerateFiles(_folder.Combine("store", "config")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Replacing_a_value_waits_for_a_short_lock()
    {
        var scanner = new FileStream(ValueFile, FileMode.Open, FileAccess.Read, FileShare.None);
        var store = Task.Run(() => _store.StoreAsync("config/a", "new"u8.ToArray(), cancellationToken: Ct).AsTask(), Ct);
        await Task.Delay(50, Ct);
        Assert.False(store.IsCompleted);
        await scanner.DisposeAsync();
        await store;
        Assert.Equal("new"u8.ToArray(), await _store.LoadAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task A_read_only_value_can_be_loaded()
    {
        File.SetAttributes(ValueFile, FileAttributes.ReadOnly);
        Assert.Equal("old"u8.ToArray(), await _store.LoadAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task A_read_only_value_can_be_moved()
    {
        File.SetAttributes(ValueFile, FileAttributes.ReadOnly);
        await _store.MoveAsync("config/a", "config/b", cancellationToken: Ct);
        Assert.Equal("old"u8.ToArray(), await _store.LoadAsync("config/b", cancellationToken: Ct));
        Assert.Null(await _store.FindAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task A_read_only_value_cannot_be_replaced_or_deleted()
    {
        Wine.Skip("it lets root replace and delete read-only files.");
        File.SetAttributes(ValueFile, FileAttributes.ReadOnly);
        foreach (var act in new Func<Task>[]
        {
            () => _store.StoreAsync("config/a", "new"u8.ToArray(), cancellationToken: Ct).AsTask(),
            () => _store.DeleteAsync("config/a", cancellationToken: Ct).AsTask(),
        })
        {
            var exception = await Assert.ThrowsAsync<StoreException>(act);
            Assert.Equal(StoreError.PermissionDenied, exception.Error);
        }
        Assert.Equal("old"u8.ToArray(), await _store.LoadAsync("config/a", cancellationToken: Ct));
    }

    [Fact]
    public async Task A_store_path_may_exceed_260_characters()
    {
        var deep = string.Join('/', Enumerable.Repeat("a-folder-with-a-long-name", 12));
        await using var store = await CreateAsync($"{_folder.StoreUrl}-deep/{deep}");
        await store.StoreAsync("config/a", "1"u8.ToArray(), cancellationToken: Ct);
        await store.StoreAsync("config/a", "2"u8.ToArray(), cancellationToken: Ct);
        await store.MoveAsync("config/a", "config/b", cancellationToken: Ct);
        var names = new List<string>();
        await foreach (var item in store.ListAsync("config", cancellationToken: Ct)) names.Add(item.Name);
        Assert.Equal(["config/b"], names);
        Assert.Equal("2"u8.ToArray(), await store.LoadAsync("config/b", cancellationToken: Ct));
        await store.DeleteAsync("config/b", cancellationToken: Ct);
    }

    [Theory]
    [InlineData("config/nul")]
    [InlineData("config/com1.txt")]
    [InlineData("config/con")]
    [InlineData("config/a.")]
    [InlineData("config/a:stream")]
    [InlineData(@"config\a")]
    [InlineData("config/A")]
    public async Task A_name_with_a_special_meaning_on_Windows_is_rejected(string name)
    {
        foreach (var act in new Func<Task>[]
        {
            () => _store.StoreAsync(name, "x"u8.ToArray(), cancellationToken: Ct).AsTask(),
            () => _store.LoadAsync(name, cancellationToken: Ct).AsTask(),
            () => _store.DeleteAsync(name, cancellationToken: Ct).AsTask(),
        })
        {
            var exception = await Assert.ThrowsAsync<StoreException>(act);
            Assert.Equal(StoreError.InvalidName, exception.Error);
        }
        Assert.Equal("old"u8.ToArray(), await _store.LoadAsync("config/a", cancellationToken: Ct));
    }

    private async Task<IAsyncDisposable> HoldAsync(params string[] alone)
    {
        var child = ChildProgram.Start(ChildProgram.Hold, [ValueFile, .. alone]);
        Assert.Equal("ready", await child.ReadLineAsync());
        return child;
    }

    private static Task<Store> CreateAsync(string url) => Store.CreateAsync(new(url) { Layout = new(("config", 0)) }, Ct);
}
