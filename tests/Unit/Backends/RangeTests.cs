using BorgStore.Backends;

namespace BorgStore.Tests.Backends;

/// <summary>Parts of values: which bytes they are, and which are not there.</summary>
public sealed class RangeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, null, 0, 100)]
    [InlineData(0, 0L, 0, 0)]
    [InlineData(0, 100L, 0, 100)]
    [InlineData(1, null, 1, 99)]
    [InlineData(1, 5L, 1, 5)]
    [InlineData(99, 5L, 99, 1)]
    [InlineData(100, null, 100, 0)]
    [InlineData(100, 5L, 100, 0)]
    [InlineData(101, 5L, 100, 0)]
    [InlineData(long.MaxValue, long.MaxValue, 100, 0)]
    [InlineData(-1, null, 99, 1)]
    [InlineData(-1, 5L, 99, 1)]
    [InlineData(-5, 2L, 95, 2)]
    [InlineData(-100, 3L, 0, 3)]
    [InlineData(-101, 3L, 0, 3)]
    [InlineData(long.MinValue, null, 0, 100)]
    public void A_range_is_clipped_to_the_value(long offset, long? length, long start, long count)
        => Assert.Equal((start, count), new ByteRange(offset, length).Resolve(100));

    [Fact]
    public void Only_the_range_from_the_beginning_to_the_end_is_the_whole_value()
    {
        Assert.True(ByteRange.Whole.IsWhole);
        Assert.True(new ByteRange(0).IsWhole);
        Assert.False(new ByteRange(1).IsWhole);
        Assert.False(new ByteRange(-1).IsWhole);
        Assert.False(new ByteRange(0, 0).IsWhole);
        Assert.False(new ByteRange(0, long.MaxValue).IsWhole);
        Assert.False(new ByteRange(1, 1).IsWhole);
    }

    [Theory]
    [InlineData(0, 100)]
    [InlineData(0, 0)]
    [InlineData(100, 0)]
    [InlineData(99, 1)]
    public void A_block_may_be_anywhere_in_its_item(long offset, long length) => new Block("data/a", offset, length).ThrowIfOutside(100);

    [Theory]
    [InlineData(0, 101)]
    [InlineData(100, 1)]
    [InlineData(101, 0)]
    [InlineData(-1, 1)]
    [InlineData(0, -1)]
    [InlineData(1, long.MaxValue)]
    [InlineData(long.MaxValue, long.MaxValue)]
    public void A_block_that_is_not_entirely_in_its_item_is_refused(long offset, long length)
    {
        var error = Assert.Throws<StoreException>(() => new Block("data/a", offset, length).ThrowIfOutside(100));
        Assert.Equal((StoreError.ReadRange, "data/a"), (error.Error, error.Name));
        Assert.Equal($"it has 100 bytes, and {length} bytes from offset {offset} were requested", error.Message);
    }

    [Fact]
    public void A_block_of_an_item_whose_size_is_not_known_says_so()
    {
        var error = new Block("data/a", 5, 6).Outside(null);
        Assert.Equal((StoreError.ReadRange, "data/a", "it is not that large, and 6 bytes from offset 5 were requested"), (error.Error, error.Name, error.Message));
        error = new Block("data/a", 5, 6).Missing();
        Assert.Equal((StoreError.ObjectNotFound, "data/a"), (error.Error, error.Name));
    }

    [Fact]
    public void A_request_has_at_most_100000_blocks()
    {
        Block.CheckCount(100_000);
        var error = Assert.Throws<StoreException>(() => Block.CheckCount(100_001));
        Assert.Equal((StoreError.InvalidArgument, "There are more than 100000 blocks in one request. Split them into several requests."), (error.Error, error.Message));
    }

    [Fact]
    public async Task A_value_in_memory_is_read_to_its_end()
    {
        using var stream = new MemoryValueStream(new byte[] { 1, 2, 3, 4, 5 });
        Assert.Equal(5, stream.Length);
        var buffer = new byte[3];
        Assert.Equal((3, "010203"), (stream.Read(buffer), Convert.ToHexString(buffer)));
        Assert.Equal((2, "040503"), (await stream.ReadAsync(buffer, Ct), Convert.ToHexString(buffer)));
        Assert.Equal(0, await stream.ReadAsync(buffer, Ct));
    }

    [Fact]
    public async Task A_stream_is_read_for_exactly_as_many_bytes_as_announced()
    {
        var source = new MemoryStream([1, 2, 3, 4, 5]);
        using var stream = new ExactLengthStream(source, 4);
        Assert.Equal(4, stream.Length);
        var buffer = new byte[3];
        Assert.Equal((3, "010203"), (await stream.ReadAsync(buffer, Ct), Convert.ToHexString(buffer)));
        Assert.Equal((1, "040203"), (await stream.ReadAsync(buffer, Ct), Convert.ToHexString(buffer)));
        Assert.Equal(0, await stream.ReadAsync(buffer, Ct));
        Assert.Equal((4, 4), (stream.Length, source.Position));
    }

    [Fact]
    public async Task A_stream_that_ends_before_its_announced_length_fails()
    {
        using var stream = new ExactLengthStream(new MemoryStream([1, 2, 3]), 5);
        var buffer = new byte[10];
        Assert.Equal(3, await stream.ReadAsync(buffer, Ct));
        var error = await Assert.ThrowsAsync<StoreException>(async () => await stream.ReadExactlyAsync(buffer, Ct));
        Assert.Equal((StoreError.InvalidArgument, "The value ended 2 bytes before its announced length of 5 bytes; nothing was stored."), (error.Error, error.Message));
    }
}
