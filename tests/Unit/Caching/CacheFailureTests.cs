using BorgStore.Backends;
using BorgStore.Hashing;
using BorgStore.Layout;

namespace BorgStore.Tests.Caching;

/// <summary>Whatever happens to a cache, the store keeps working and every value is correct.</summary>
public sealed class CacheFailureTests : CachingFixture
{
    [Theory]
    [InlineData("open", true)]
    [InlineData("load", false)]
    [InlineData("store", false)]
    [InlineData("delete", true)]
    [InlineData("move", false)]
    [InlineData("list", true)]
    public async Task A_failing_cache_is_bypassed_reported_once_and_counted(string operation, bool isDisabled)
    {
        Cache.Before = (called, _) => called == operation ? throw new IOException("the disk is on fire") : Task.CompletedTask;
        await using var store = await OpenCachedAsync(WriteThrough with { Size = 1000 });
        await UseAsync(store);
        await UseAsync(store);
        Assert.Contains("the disk is on fire", Assert.Single(Warnings), StringComparison.Ordinal);
        Assert.True(Figure(store, "cache_errors") > 0);
        Assert.Equal(isDisabled ? 1 : 0, Figure(store, "cache_disabled"));
    }

    [Fact]
    public async Task An_unreachable_cache_is_disabled_after_the_first_failure()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        var asked = 0;
        Cache.Before = (_, _) =>
        {
            Interlocked.Increment(ref asked);
            throw new StoreException(StoreError.ConnectionLost, "the line is cut");
        };
        await UseAsync(store);
        await UseAsync(store);
        Assert.Equal((1, 1, 1), (asked, Figure(store, "cache_disabled"), Warnings.Count));
    }

    [Fact]
    public async Task A_stale_cached_value_that_cannot_be_removed_is_not_read()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", Bytes("old"));
        Cache.Before = (operation, _) => operation is "delete" or "store" ? throw new StoreException(StoreError.PermissionDenied, "read-only") : Task.CompletedTask;
        await store.StoreAsync("data/a", Bytes("new"));
        Assert.Equal(Bytes("new"), await store.LoadAsync("data/a"));
        Assert.Equal(1, Figure(store, "cache_disabled"));
    }

    [Fact]
    public async Task A_full_cache_is_still_read()
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", Bytes("value"));
        Cache.Before = (operation, _) => operation == "store" ? throw new StoreException(StoreError.NoSpace, "full") : Task.CompletedTask;
        await store.StoreAsync("data/b", Bytes("other"));
        await store.StoreAsync("data/large", Random(3 << 20));
        Assert.Equal(Bytes("value"), await store.LoadAsync("data/a"));
        Assert.Equal(Bytes("other"), await store.LoadAsync("data/b"));
        Assert.Equal(Random(3 << 20), await store.LoadAsync("data/large"));
        Assert.Equal((1, 4, 0), (Figure(store, "cache_hits"), Figure(store, "cache_errors"), Figure(store, "cache_disabled")));
        Assert.Single(Warnings);
    }

    [Fact]
    public async Task A_cache_whose_folder_is_deleted_is_refilled()
    {
        await using var store = await OpenCachedAsync(WriteThrough with { Size = 1000 });
        await store.StoreAsync("data/a", Bytes("value"));
        Directory.Delete(Folder.Combine("cache"), recursive: true);
        Assert.Equal(Bytes("value"), await store.LoadAsync("data/a"));
        await UseAsync(store);
    }

    [Fact]
    public async Task A_cache_read_that_fails_halfway_continues_from_the_storage()
    {
        var value = Random(300_000);
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", value);
        Cache.OnLoaded = stream => new BreakingStream(stream, 100_000);
        foreach (var range in new ByteRange[] { new(0), new(5), new(-250_000, 200_000) })
        {
            var (start, count) = range.Resolve(value.Length);
            Assert.Equal(value[(int)start..(int)(start + count)], await store.LoadAsync("data/a", range));
            await using var stream = await store.OpenReadAsync("data/a", range, cancellationToken: Ct);
            using var read = new MemoryStream();
            await stream.CopyToAsync(read, Ct);
            Assert.Equal(value[(int)start..(int)(start + count)], read.ToArray());
        }
        Assert.Equal(6, Figure(store, "cache_errors"));
        Assert.Single(Warnings);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_cache_read_that_fails_halfway_does_not_continue_with_another_value(bool byAnother)
    {
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", Random(300_000));
        Cache.OnLoaded = stream => new BreakingStream(stream, 100_000);
        await using var stream = await store.OpenReadAsync("data/a", cancellationToken: Ct);
        Cache.OnLoaded = null;
        await stream.ReadExactlyAsync(new byte[1], Ct);
        // Of the same size. Another program does not tell the cache.
        if (byAnother) await File.WriteAllBytesAsync(Folder.Combine("store", "data/a"), Random(300_000, seed: 2), Ct);
        else await store.StoreAsync("data/a", Random(300_000, seed: 2));
        await FailsAsync(StoreError.BackendFailure, () => stream.CopyToAsync(Stream.Null, Ct));
        Assert.Equal(Random(300_000, seed: 2), await store.LoadAsync("data/a"));
    }

    [Fact]
    public async Task A_cache_read_that_fails_halfway_returns_a_new_value_that_begins_alike()
    {
        var (old, value) = (Random(300_000), Random(300_000));
        value.AsSpan(100_000).Clear();
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", old);
        await File.WriteAllBytesAsync(Folder.Combine("store", "data/a"), value, Ct);
        Cache.OnLoaded = stream => new BreakingStream(stream, 100_000);
        await using var stream = await store.OpenReadAsync("data/a", cancellationToken: Ct);
        using var read = new MemoryStream();
        await stream.CopyToAsync(read, Ct);
        Assert.Equal(value, read.ToArray());
    }

    [Fact]
    public async Task A_cancelled_change_to_the_storage_loses_no_bytes()
    {
        var value = Random(300_000);
        await using var store = await OpenCachedAsync(WriteThrough);
        await store.StoreAsync("data/a", value);
        Cache.OnLoaded = stream => new BreakingStream(stream, 100_000);
        await using var stream = await store.OpenReadAsync("data/a", cancellationToken: Ct);
        await stream.ReadExactlyAsync(new byte[100_000], Ct);
        using var cancellation = new CancellationTokenSource();
        Primary.OnLoaded = loaded => new CancellingStream(loaded, cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stream.ReadAsync(new byte[1], cancellation.Token).AsTask());
        Primary.OnLoaded = null;
        var rest = new byte[200_000];
        await stream.ReadExactlyAsync(rest, Ct);
        Assert.Equal(value[100_000..], rest);
    }

    [Theory]
    [InlineData("sha256")]
    [InlineData("blake3")]
    public async Task A_damaged_cached_value_is_dropped_and_loaded_again(string algorithm)
    {
        var value = Random(2 << 20);
        var name = $"data/{HashKind.Parse(algorithm).ComputeHex(value)}";
        await using var store = await OpenCachedAsync(WriteThrough with { Verify = true });
        await store.StoreAsync(name, value);
        Assert.Equal(value, await store.LoadAsync(name));
        Assert.Equal(0, Primary.Loads);

        await File.WriteAllBytesAsync(Folder.Combine("cache", name), Random(2 << 20, seed: 2), Ct);
        Assert.Equal(value[5..9], await store.LoadAsync(name, new(5, 4)));
        Assert.Equal((1, 1), (Primary.Loads, Figure(store, "cache_errors")));
        Assert.Equal(value, await store.LoadAsync(name));
        Assert.Equal(1, Primary.Loads);
        Assert.Contains("damaged", Assert.Single(Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(2 << 20)]
    public async Task A_value_damaged_in_the_storage_is_not_cached(int size)
    {
        var name = $"data/{HashKind.Sha256.ComputeHex(Random(size))}";
        await using (var plain = await OpenCachedAsync(CachePolicy.Off)) await plain.StoreAsync(name, Random(size, seed: 2));
        await using var store = await OpenCachedAsync(WriteThrough with { Verify = true });
        Assert.Equal(Random(size, seed: 2), await store.LoadAsync(name));
        Assert.Empty(CachedFiles());
    }

    private static async Task UseAsync(Store store)
    {
        await store.StoreAsync("data/x", Bytes("one"));
        await store.StoreAsync("data/x", Bytes("two"));
        Assert.Equal(Bytes("two"), await store.LoadAsync("data/x"));
        await store.SoftDeleteAsync("data/x");
        await FailsAsync(StoreError.ObjectNotFound, () => store.LoadAsync("data/x").AsTask());
        await store.UndeleteAsync("data/x");
        Assert.Equal(Bytes("wo"), await store.LoadAsync("data/x", new(1)));
        await store.MoveAsync("data/x", "data/y");
        Assert.Equal(Bytes("two"), await store.LoadAsync("data/y"));
        await store.DeleteAsync("data/y");
        await FailsAsync(StoreError.ObjectNotFound, () => store.LoadAsync("data/y").AsTask());
    }

    // Cancels the read that is under way, after some bytes.
    private sealed class CancellingStream(ValueStream inner, CancellationTokenSource cancellation) : ValueStream
    {
        private int _reads;

        public override long Length => inner.Length;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_reads++ == 1) cancellation.Cancel();
            cancellationToken.ThrowIfCancellationRequested();
            return inner.ReadAsync(buffer[..Math.Min(buffer.Length, 1000)], cancellationToken);
        }

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class BreakingStream(ValueStream inner, int at) : ValueStream
    {
        private int _left = at;

        public override long Length => inner.Length;

        public override int Read(Span<byte> buffer)
        {
            if (_left == 0) throw new IOException("a bad sector");
            var count = inner.Read(buffer[..Math.Min(buffer.Length, _left)]);
            _left -= count;
            return count;
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        protected override void Dispose(bool disposing)
        {
            inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
