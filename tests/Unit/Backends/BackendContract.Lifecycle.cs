using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task Create_refuses_a_store_that_holds_anything()
    {
        await StoreAsync("config/a", [1]);
        await using var another = await CreateBackendAsync();
        await AssertFailsAsync(StoreError.StoreAlreadyExists, () => another.CreateAsync(Ct));
        Assert.Equal([1], await LoadAsync("config/a"));
    }

    [Fact]
    public async Task Destroy_removes_all_and_leaves_no_store()
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
    public async Task Destroy_removes_nothing_where_something_else_lies_too(string path)
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
    public async Task An_operation_needs_an_open_store()
    {
        await using var unopened = await CreateBackendAsync();
        await AssertFailsAsync(StoreError.StoreNotOpen, () => unopened.FindAsync("config/a", Ct).AsTask());

        await Store.DisposeAsync();
        await AssertFailsAsync(StoreError.StoreNotOpen, () => Store.StoreAsync("config/a", new byte[] { 1 }, StoreMode.Overwrite, Ct).AsTask());
        await AssertFailsAsync(StoreError.StoreNotOpen, () => LoadAsync("config/a").AsTask());
    }

    [Fact]
    public async Task Dispose_twice_is_no_failure()
    {
        await Store.DisposeAsync();
        await Store.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_waits_for_what_is_in_flight()
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
    public async Task Flush_returns_with_and_without_changes()
    {
        await Store.FlushAsync(Ct);
        await StoreAsync("data/a", Bytes(10));
        await Store.FlushAsync(Ct);
        await Store.FlushAsync(Ct);
        Assert.Equal(Bytes(10), await LoadAsync("data/a"));
    }

    [Fact]
    public async Task A_cancelled_token_ends_every_operation_before_it_begins()
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
