using BorgStore.Backends;
using BorgStore.Hashing;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(65537)]
    [InlineData(3 << 20)]
    public async Task Load_returns_the_stored_value(int size)
    {
        var value = Bytes(size);
        await StoreAsync("data/01/23/0123", value);
        Assert.Equal(value, await LoadAsync("data/01/23/0123"));

        var info = await Store.FindAsync("data/01/23/0123", Ct);
        Assert.Equal(("data/01/23/0123", size, false), (info!.Value.Name, info.Value.Size, info.Value.IsDirectory));
        await AssertOnlyFilesAsync("data/01/23/0123");
    }

    [Fact]
    public async Task A_name_with_a_hash_sign_never_refers_to_another_item()
    {
        await StoreAsync("config/a", [1]);
        try
        {
            await StoreAsync("config/a#b", [2]);
        }
        catch (StoreException e) when (e.Error == StoreError.InvalidName)
        {
            // REST: Python's server would treat it as the end of the name.
            Assert.Contains("'config/a#b'", e.Message, StringComparison.Ordinal);
            Assert.Equal([1], await LoadAsync("config/a"));
            return;
        }
        Assert.Equal([2], await LoadAsync("config/a#b"));
        Assert.Equal([1], await LoadAsync("config/a"));
        Assert.Equal(1, (await Store.FindAsync("config/a#b", Ct))!.Value.Size);
        Assert.True(await Store.MoveAsync("config/a#b", "config/c#", StoreMode.CreateNew, Ct));
        Assert.Equal(HashKind.Sha256.ComputeHex([2]), await Store.HashAsync("config/c#", HashKind.Sha256, Ct));
        Assert.True(await Store.DeleteAsync("config/c#", Ct));
        await AssertOnlyFilesAsync("config/a");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(70_000)]
    [InlineData(3 << 20)]
    public async Task A_stream_is_stored_from_its_current_position_and_left_open(int size)
    {
        var value = Bytes(size + 10);
        using var seekable = new MemoryStream(value) { Position = 5 };
        await Store.StoreAsync("data/a", new StoreValue(seekable, size), StoreMode.Overwrite, Ct);
        Assert.Equal(value[5..(size + 5)], await LoadAsync("data/a"));
        Assert.True(seekable.CanRead);

        using var forward = new ForwardStream(value);
        await Store.StoreAsync("data/b", new StoreValue(forward, size), StoreMode.Overwrite, Ct);
        Assert.Equal(value[..size], await LoadAsync("data/b"));
    }

    [Fact]
    public async Task Operations_on_a_missing_item_return_null_or_false()
    {
        foreach (var name in new[] { "data/none", "none", "no/such/directory" })
        {
            Assert.Null(await Store.FindAsync(name, Ct));
            Assert.Null(await Store.LoadAsync(name, default, Ct));
            Assert.False(await Store.DeleteAsync(name, Ct));
            Assert.False(await Store.MoveAsync(name, "data/new", StoreMode.Overwrite, Ct));
            Assert.False(await Store.MoveAsync(name, "data/new", StoreMode.CreateNew, Ct));
            Assert.Null(await Store.HashAsync(name, HashKind.Sha256, Ct));
        }
        await AssertOnlyFilesAsync();
    }

    [Fact]
    public async Task A_name_below_an_item_counts_as_missing()
    {
        await StoreAsync("data/a", [1]);
        foreach (var name in new[] { "data/a/b", "data/a/b/c" })
        {
            Assert.Null(await Store.FindAsync(name, Ct));
            Assert.Null(await Store.LoadAsync(name, default, Ct));
            Assert.Null(await Store.LoadAsync(name, new ByteRange(1, 2), Ct));
            Assert.False(await Store.DeleteAsync(name, Ct));
            Assert.Empty(await Store.DeleteManyAsync([name], Ct));
            Assert.False(await Store.MoveAsync(name, "data/c", StoreMode.Overwrite, Ct));
            Assert.Null(await Store.HashAsync(name, HashKind.Sha256, Ct));
            await AssertFailsAsync(StoreError.ObjectNotFound,
                () => Store.DefragAsync(new([new(name, 0, 1)]) { Target = "data/new" }, Ct).AsTask());
        }
        await AssertOnlyFilesAsync("data/a");
        SkipIf(BackendLimits.NoDirectories);
        foreach (var name in new[] { "data/a", "data/a/b", "data/a/b/c" })
        {
            Assert.False(await Store.RemoveDirectoryAsync(name, Ct));
            foreach (var scope in new[] { ListScope.OneLevel, ListScope.Tree })
                await AssertFailsAsync(StoreError.ObjectNotFound, () => ListAsync(name, scope).AsTask());
        }
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task Storing_below_an_item_fails()
    {
        SkipIf(BackendLimits.NoDirectories);
        SkipIf(BackendLimits.NamesOfDirectoriesAreFree);
        await StoreAsync("data/a", [1]);
        await StoreAsync("data/c", [2]);
        foreach (var name in new[] { "data/a/b", "data/a/b/c" })
        {
            Func<Task>[] attempts =
            [
                () => StoreAsync(name, [3]).AsTask(),
                () => StoreAsync(name, [3], StoreMode.CreateNew).AsTask(),
                () => Store.MoveAsync("data/c", name, StoreMode.Overwrite, Ct).AsTask(),
                () => Store.MoveAsync("data/c", name, StoreMode.CreateNew, Ct).AsTask(),
                () => Store.DefragAsync(new([new("data/c", 0, 1)]) { Target = name }, Ct).AsTask(),
            ];
            foreach (var attempt in attempts)
            {
                var error = await AssertFailsAsync(StoreError.ObjectAlreadyExists, attempt);
                Assert.Contains("'data/a' is an item", error.Message, StringComparison.Ordinal);
            }
        }
        Assert.Equal([1], await LoadAsync("data/a"));
        Assert.Equal([2], await LoadAsync("data/c"));
        await AssertOnlyFilesAsync("data/a", "data/c");
    }

    [Fact]
    public async Task Creating_a_directory_below_an_item_fails()
    {
        SkipIf(BackendLimits.NoDirectories);
        SkipIf(BackendLimits.NamesOfDirectoriesAreFree);
        await StoreAsync("data/a", [1]);
        foreach (var name in new[] { "data/a/b", "data/a/b/c" })
        {
            var error = await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => Store.MakeDirectoryAsync(name, Ct).AsTask());
            Assert.Contains("'data/a' is an item", error.Message, StringComparison.Ordinal);
        }
        Assert.Equal([1], await LoadAsync("data/a"));
    }

    [Fact]
    public async Task The_root_directory_always_exists()
    {
        await Store.MakeDirectoryAsync("", Ct);
        await StoreAsync("a", [1]);
        await Store.MakeDirectoryAsync("", Ct);
        Assert.Equal([1], await LoadAsync("a"));
        SkipIf(BackendLimits.NoDirectories);
        await Assert.ThrowsAsync<StoreException>(() => Store.RemoveDirectoryAsync("", Ct).AsTask());
        Assert.Equal([1], await LoadAsync("a"));
    }

    [Fact]
    public async Task A_directory_is_not_an_item()
    {
        SkipIf(BackendLimits.NoDirectories);
        await StoreAsync("data/dir/a", [1]);
        Assert.Null(await Store.LoadAsync("data/dir", default, Ct));
        Assert.False(await Store.DeleteAsync("data/dir", Ct));
        var info = await Store.FindAsync("data/dir", Ct);
        Assert.Equal((true, 0), (info!.Value.IsDirectory, info.Value.Size));
        await AssertOnlyFilesAsync("data/dir/a");
        SkipIf(BackendLimits.NamesOfDirectoriesAreFree);
        await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => StoreAsync("data/dir", [2]).AsTask());
        await AssertOnlyFilesAsync("data/dir/a");
    }

    [Fact]
    public async Task Directories_are_created_found_and_removed_when_empty()
    {
        SkipIf(BackendLimits.NoDirectories);
        await Store.MakeDirectoryAsync("data/01/02", Ct);
        await Store.MakeDirectoryAsync("data/01/02", Ct);
        Assert.True((await Store.FindAsync("data/01/02", Ct))!.Value.IsDirectory);
        Assert.True(await Store.RemoveDirectoryAsync("data/01/02", Ct));
        Assert.False(await Store.RemoveDirectoryAsync("data/01/02", Ct));
        Assert.Null(await Store.FindAsync("data/01/02", Ct));

        await StoreAsync("data/01/a", [1]);
        await Assert.ThrowsAsync<StoreException>(() => Store.RemoveDirectoryAsync("data/01", Ct).AsTask());
        Assert.Equal([1], await LoadAsync("data/01/a"));
    }

    [Fact]
    public async Task Overwrite_replaces_an_item_and_CreateNew_fails_if_it_exists()
    {
        await StoreAsync("data/a", Bytes(5000, 1), StoreMode.CreateNew);
        await StoreAsync("data/a", Bytes(3000, 2));
        Assert.Equal(Bytes(3000, 2), await LoadAsync("data/a"));

        var error = await AssertFailsAsync(StoreError.ObjectAlreadyExists, () => StoreAsync("data/a", [1], StoreMode.CreateNew).AsTask());
        Assert.Contains("data/a", error.Message, StringComparison.Ordinal);
        Assert.Equal(Bytes(3000, 2), await LoadAsync("data/a"));
        await AssertOnlyFilesAsync("data/a");
    }

    [Fact]
    public async Task Delete_returns_true_once_and_then_false()
    {
        await StoreAsync("data/a", [1]);
        Assert.True(await Store.DeleteAsync("data/a", Ct));
        Assert.False(await Store.DeleteAsync("data/a", Ct));
        Assert.Null(await LoadAsync("data/a"));
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(0, 0L)]
    [InlineData(0, 10L)]
    [InlineData(10, 10L)]
    [InlineData(90, 100L)]
    [InlineData(100, null)]
    [InlineData(100, 5L)]
    [InlineData(500, 5L)]
    [InlineData(-4, 4L)]
    [InlineData(-4, 2L)]
    [InlineData(-4, null)]
    [InlineData(-100, null)]
    [InlineData(-1000, null)]
    [InlineData(-1000, 10L)]
    [InlineData(50, long.MaxValue)]
    public async Task Load_of_a_range_is_clipped_to_the_value(int offset, long? length)
    {
        var value = Bytes(100);
        await StoreAsync("data/a", value);
        var start = offset >= 0 ? Math.Min(offset, 100) : Math.Max(0, 100 + offset);
        var end = (int)Math.Min(100, start + Math.Min(length ?? 100, 100));

        await using var stream = await Store.LoadAsync("data/a", new ByteRange(offset, length), Ct);
        Assert.Equal(end - start, stream!.Length);
        Assert.Equal(value[start..end], await stream.ReadToEndAsync(Ct));
    }

    [Fact]
    public async Task A_range_of_an_empty_value_is_empty()
    {
        await StoreAsync("data/a", []);
        Assert.Equal(Array.Empty<byte>(), await LoadAsync("data/a", new ByteRange(5, 5)));
        Assert.Equal(Array.Empty<byte>(), await LoadAsync("data/a", new ByteRange(-5)));
    }

    [Fact]
    public async Task A_loaded_stream_can_be_read_in_pieces_and_abandoned()
    {
        var value = Bytes(3 << 20);
        await StoreAsync("data/a", value);
        await using (var stream = await Store.LoadAsync("data/a", default, Ct))
        {
            using var copy = new MemoryStream();
            await stream!.CopyToAsync(copy, 10_007, Ct);
            Assert.Equal(value, copy.ToArray());
            Assert.Equal(0, await stream.ReadAsync(new byte[1], Ct));
        }
        for (var i = 0; i < Abandonments; i++)
            await using (var stream = await Store.LoadAsync("data/a", default, Ct))
                Assert.NotEqual(0, await stream!.ReadAsync(new byte[100], Ct));
        Assert.Equal(value, await LoadAsync("data/a"));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(3 << 20)]
    public async Task Storing_a_stream_that_ends_early_changes_nothing(int size)
    {
        await StoreAsync("data/old", [1]);
        foreach (var name in new[] { "data/new", "data/old" })
            await Assert.ThrowsAsync<StoreException>(
                () => Store.StoreAsync(name, new StoreValue(new ForwardStream(Bytes(size)), size + 1), StoreMode.Overwrite, Ct).AsTask());
        Assert.Equal([1], await LoadAsync("data/old"));
        await AssertOnlyFilesAsync("data/old");
    }

    [Theory]
    [InlineData(100, 0)]
    [InlineData(100, 99)]
    [InlineData(3 << 20, 1 << 20)]
    [InlineData(3 << 20, (3 << 20) - 1)]
    public async Task Storing_a_stream_that_throws_changes_nothing(int size, int at)
    {
        await StoreAsync("data/old", [1]);
        foreach (var name in new[] { "data/new", "data/old" })
        {
            var value = new StoreValue(new ThrowingStream(Bytes(size), at), size);
            var exception = await Assert.ThrowsAsync<InvalidDataException>(() => Store.StoreAsync(name, value, StoreMode.Overwrite, Ct).AsTask());
            Assert.Equal("vetoed", exception.Message);
        }
        Assert.Equal([1], await LoadAsync("data/old"));
        await AssertOnlyFilesAsync("data/old");
    }

    [Fact]
    public async Task A_cancelled_store_leaves_no_files()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var stream = new PausingStream(Bytes(3 << 20));
        var storing = Store.StoreAsync("data/a", new StoreValue(stream, 3 << 20), StoreMode.Overwrite, source.Token).AsTask();
        await stream.Reached.WaitAsync(TimeSpan.FromSeconds(10), Ct);
        await source.CancelAsync();
        stream.Continue();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => storing.WaitAsync(TimeSpan.FromSeconds(30), Ct));
        await AssertOnlyFilesAsync();
    }
}
