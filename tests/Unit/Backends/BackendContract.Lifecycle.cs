using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task Create_fails_if_the_store_is_not_empty()
    {
        await StoreAsync("config/a", [1]);
        await using var another = await CreateBackendAsync();
        await AssertFailsAsync(StoreError.StoreAlreadyExists, () => another.CreateAsync(Ct));
        Assert.Equal([1], await LoadAsync("config/a"));
    }

    [Fact]
    public async Task Destroy_removes_everything_including_the_store_itself()
    {
        await StoreAsync("data/ab/abc", Bytes(1000));
        await StoreAsync("config/a", []);
        await Store.DisposeAsync();

        await using var another = await CreateBackendAsync();
        await another.DestroyAsync(Ct);
        await AssertFailsAsync(StoreError.StoreDoesNotExist, () => another.DestroyAsync(Ct));
        await AssertFailsAsync(StoreError.StoreDoesNotExist, () => another.OpenAsync(Ct));

        await another.CreateAsync(Ct);
        await another.OpenAsync(Ct);
        Assert.Null(await another.FindAsync("config/a", Ct));
    }

    [Theory]
    [InlineData("My File.docx")]
    [InlineData("data/HEAD")]
    [InlineData("data/ab/photo 1.jpg")]
    public async Task Destroy_removes_nothing_if_there_are_foreign_files(string path)
    {
        await StoreAsync("data/ab/abc", [1]);
        if (!await PutRawAsync(path, [2])) Assert.Skip("Nothing can be put past this backend.");
        await Store.DisposeAsync();

        await using var another = await CreateBackendAsync();
        var error = await AssertFailsAsync(StoreError.StoreDoesNotExist, () => another.DestroyAsync(Ct));
        Assert.Contains($"'{path}'", error.Message, StringComparison.Ordinal);
        await another.OpenAsync(Ct);
        Assert.Equal(1, (await another.FindAsync("data/ab/abc", Ct))?.Size);
        if (await ListRawAsync() is { } raw) Assert.Contains(path, raw);
    }

    [Fact]
    public async Task The_lost_and_found_folder_of_a_file_system_is_left_alone()
    {
        if (RawFolder is null) Assert.Skip("There is no file system under this storage.");
        await Store.DisposeAsync();
        await using (var another = await CreateBackendAsync()) await another.DestroyAsync(Ct);
        await PutRawAsync("lost+found/#123.tmp", [1]);

        await using var store = await CreateBackendAsync();
        await store.CreateAsync(Ct);
        await store.OpenAsync(Ct);
        await store.StoreAsync("data/ab/abc", new byte[] { 2 }, StoreMode.Overwrite, Ct);
        Assert.Equal(["data"], (await store.ListAsync("", ListScope.OneLevel, Ct).ToListAsync(Ct)).Select(item => item.Name));
        Assert.Equal(["data/ab/abc"], (await store.ListAsync("", ListScope.Tree, Ct).ToListAsync(Ct)).Select(item => item.Name));
        Assert.Empty(await store.ListTemporaryAsync(TimeSpan.Zero, Ct).ToListAsync(Ct));
        await store.DisposeAsync();

        await using var last = await CreateBackendAsync();
        await last.DestroyAsync(Ct);
        Assert.Equal(["lost+found/#123.tmp"], await ListRawAsync() ?? []);
    }

    [Fact]
    public async Task Operations_on_a_store_that_is_not_open_fail()
    {
        await using var unopened = await CreateBackendAsync();
        await AssertFailsAsync(StoreError.StoreNotOpen, () => unopened.FindAsync("config/a", Ct).AsTask());

        await Store.DisposeAsync();
        await AssertFailsAsync(StoreError.StoreNotOpen, () => Store.StoreAsync("config/a", new byte[] { 1 }, StoreMode.Overwrite, Ct).AsTask());
        await AssertFailsAsync(StoreError.StoreNotOpen, () => LoadAsync("config/a").AsTask());
    }

    [Fact]
    public async Task Dispose_can_be_called_twice()
    {
        await Store.DisposeAsync();
        await Store.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_waits_for_running_operations()
    {
        var value = Bytes(100_000);
        var stream = new PausingStream(value);
        var storing = Store.StoreAsync("data/slow", new StoreValue(stream, value.Length), StoreMode.Overwrite, Ct).AsTask();
        await stream.Reached.WaitAsync(TimeSpan.FromSeconds(10), Ct);

        var disposing = Store.DisposeAsync().AsTask();
        await Task.Delay(100, Ct);
        Assert.False(disposing.IsCompleted);

        stream.Continue();
        await storing.WaitAsync(TimeSpan.FromSeconds(30), Ct);
        await disposing.WaitAsync(TimeSpan.FromSeconds(30), Ct);
        await using var again = await OpenAnotherAsync();
        await using var loaded = await again.LoadAsync("data/slow", ByteRange.Whole, Ct);
        Assert.Equal(value, await loaded!.ReadToEndAsync(Ct));
    }

    [Fact]
    public async Task Flush_succeeds_with_and_without_changes()
    {
        await Store.FlushAsync(Ct);
        await StoreAsync("data/a", Bytes(10));
        await Store.FlushAsync(Ct);
        await Store.FlushAsync(Ct);
        Assert.Equal(Bytes(10), await LoadAsync("data/a"));
    }

    [Fact]
    public async Task No_operation_starts_with_a_cancelled_token()
    {
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        var token = source.Token;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.FindAsync("data/a", token).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.LoadAsync("data/a", default, token).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Store.StoreAsync("data/a", new byte[] { 1 }, StoreMode.Overwrite, token).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.DeleteAsync("data/a", token).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.MoveAsync("data/a", "data/b", StoreMode.Overwrite, token).AsTask());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Store.ListAsync("", ListScope.OneLevel, token)) { }
        });
        Assert.Null(await LoadAsync("data/a"));
    }
}
