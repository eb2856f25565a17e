using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

public abstract partial class BackendContract
{
    [Fact]
    public async Task Gather_concatenates_ranges_of_several_items_in_the_given_order()
    {
        var (a, b) = (Bytes(1000, 1), Bytes(200_000, 2));
        await StoreAsync("data/aa/a", a);
        await StoreAsync("data/b", b);
        byte[] expected = [.. b[5..100], .. a, .. a[998..], .. b[100..150_000], .. a[..3], .. a[..3], .. a[1..4], .. b[^7..], .. a[^10..^8]];
        Assert.Equal(expected, await GatherAsync(
        [
            new("data/b", 5, 95),
            new("data/aa/a", 0, 1000),
            new("data/aa/a", 998, 2),
            new("data/b", 100, 149_900),
            new("data/aa/a", 0, 3),
            new("data/aa/a", 0, 3),
            new("data/aa/a", 1, 3),
            new("data/b", 199_993, 7),
            new("data/aa/a", -10, 2),
        ]));
    }

    [Fact]
    public async Task Gather_of_empty_ranges_is_empty_even_for_missing_items()
    {
        Assert.Empty(await GatherAsync([]));
        Assert.Empty(await GatherAsync([new("data/none", 0, 0), new("data/none", 100, 0), new("data/none", -1, 0)]));
    }

    [Fact]
    public async Task Gather_streams_more_than_fits_in_its_buffers()
    {
        var (a, b) = (Bytes(12 << 20, 1), Bytes(3 << 20, 2));
        await StoreAsync("data/a", a);
        await StoreAsync("data/b", b);
        byte[] expected = [.. a[1..], .. b, .. a[^5_000_000..]];
        await using var value = await Store.GatherAsync(
            [new("data/a", 1, a.Length - 1), new("data/b", 0, b.Length), new("data/a", -5_000_000, 5_000_000)], Ct);
        Assert.Equal(expected.Length, value.Length);
        var bytes = await value.ReadToEndAsync(Ct);
        Assert.True(bytes.AsSpan().SequenceEqual(expected));
        Assert.Equal(0, await value.ReadAsync(new byte[1], Ct));
    }

    // Of another size, because some storages record times of a second.
    [Fact]
    public async Task Gather_never_joins_parts_of_two_values_to_one_range()
    {
        var (old, value) = (Bytes(20 << 20, 1), Bytes((20 << 20) + 1, 2));
        await StoreAsync("data/a", old);
        await using var stream = await Store.GatherAsync([new("data/a", 0, old.Length)], Ct);
        var bytes = new byte[old.Length];
        await stream.ReadExactlyAsync(bytes.AsMemory(0, 1), Ct);
        try
        {
            await StoreAsync("data/a", value);
        }
        catch (StoreException) when (OperatingSystem.IsWindows())
        {
            // The old value is still open.
        }
        try
        {
            await stream.ReadExactlyAsync(bytes.AsMemory(1), Ct);
            Assert.True(bytes.AsSpan().SequenceEqual(old));
        }
        catch (StoreException e) when (e.Error is StoreError.BackendFailure or StoreError.ConnectionLost)
        {
            // A server can only cut a response that it has begun.
        }
    }

    [Fact]
    public async Task An_abandoned_gather_leaves_the_store_usable()
    {
        await StoreAsync("data/a", Bytes(10 << 20));
        for (var i = 0; i < 3; i++)
        {
            await using var value = await Store.GatherAsync([new("data/a", 0, 10 << 20)], Ct);
            await value.ReadExactlyAsync(new byte[1 + (i * 1_000_000)], Ct);
        }
        Assert.Equal(Bytes(10 << 20)[..5], await GatherAsync([new("data/a", 0, 5)]));
    }

    [Fact]
    public async Task Gather_rejects_a_range_that_exceeds_its_value()
    {
        await StoreAsync("data/a", Bytes(100));
        (long Offset, long Length)[] ranges =
        [
            (0, 101), (100, 1), (200, 1), (-101, 1), (-3, 4), (long.MinValue, 1), (1, long.MaxValue), (long.MaxValue, 1), (long.MaxValue, long.MaxValue),
        ];
        foreach (var (offset, length) in ranges)
        {
            foreach (var blocks in new Block[][] { [new("data/a", offset, length)], [new("data/a", 0, 100), new("data/a", offset, length)] })
            {
                var error = await AssertFailsAsync(StoreError.ReadRange, () => Store.GatherAsync(blocks, Ct).AsTask());
                Assert.Contains("data/a", error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Gather_rejects_missing_items_and_directories()
    {
        await StoreAsync("data/aa/a", Bytes(100));
        foreach (var absent in new[] { "data/none", "none/none", "data/aa", "data/aa/a/below" })
        {
            foreach (var offset in new[] { 0, -1 })
            {
                var error = await AssertFailsAsync(StoreError.ObjectNotFound,
                    () => Store.GatherAsync([new("data/aa/a", 0, 100), new(absent, offset, 1)], Ct).AsTask());
                Assert.Contains(absent, error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Gather_rejects_negative_lengths_and_too_many_ranges()
    {
        await AssertFailsAsync(StoreError.InvalidArgument, () => Store.GatherAsync([new("data/a", 0, -1)], Ct).AsTask());
        await AssertFailsAsync(StoreError.InvalidArgument,
            () => Store.GatherAsync(Enumerable.Repeat(new Block("data/a", 0, 1), Block.MaxCount + 1).ToArray(), Ct).AsTask());
    }

    [Fact]
    public async Task Gather_accepts_many_ranges_of_many_items()
    {
        var values = Enumerable.Range(0, 50).Select(i => Bytes(1000 + i, i)).ToArray();
        await Parallel.ForAsync(0, values.Length, Ct, async (i, token) => await Store.StoreAsync($"data/{i:d3}", values[i], StoreMode.Overwrite, token));
        var random = new Random(7);
        var blocks = Enumerable.Range(0, 500).Select(_ =>
        {
            var item = random.Next(values.Length);
            var offset = random.Next(values[item].Length);
            return (Item: item, Offset: offset, Length: random.Next(values[item].Length - offset + 1));
        }).ToArray();
        var expected = blocks.SelectMany(block => values[block.Item][block.Offset..(block.Offset + block.Length)]).ToArray();
        Assert.Equal(expected, await GatherAsync([.. blocks.Select(block => new Block($"data/{block.Item:d3}", block.Offset, block.Length))]));
    }

    protected async ValueTask<byte[]> GatherAsync(params Block[] blocks)
    {
        await using var value = await Store.GatherAsync(blocks, Ct);
        return await value.ReadToEndAsync(Ct);
    }
}
