using BorgStore.Backends;
using BorgStore.Backends.S3.Values;

namespace BorgStore.Tests.S3;

/// <summary>Decisions made before any request: how values are split into parts, and how names are ordered.</summary>
public sealed class PartPlanningTests
{
    private const int Part = 8 << 20;

    [Theory]
    [InlineData(1L << 20)]
    [InlineData(5L << 30)]
    [InlineData(1L << 40)]
    [InlineData(5L << 40)]
    public void No_value_needs_more_than_ten_thousand_parts(long length)
    {
        var size = PartSizes.For(length);
        Assert.InRange(size, PartSizes.DefaultPartSize, 1 << 30);
        Assert.InRange((length + size - 1) / size, 1, 10_000);
    }

    [Fact]
    public void Every_defrag_step_but_the_last_has_the_minimum_size_and_bytes_stay_in_order()
    {
        var random = new Random(1);
        for (var round = 0; round < 500; round++)
        {
            var blocks = Enumerable.Range(0, random.Next(1, 20)).Select(i => new Block($"{i}", random.Next(100), Size())).ToList();
            var steps = DefragPlan.Make(blocks, Part, CanCopy);
            Assert.All(steps.SkipLast(1), step => Assert.True(step.Length >= PartSizes.MinPartSize));
            Assert.All(steps, step => Assert.True(step.IsCopy ? step.Pieces is [var piece] && CanCopy(piece) : step.Length <= Part));
            Assert.Equal(blocks.Where(block => block.Length > 0), Join(steps.SelectMany(step => step.Pieces)));
        }

        static bool CanCopy(Block block) => !block.Name.EndsWith('7');
        long Size() => random.Next(4) switch { 0 => 0, 1 => random.Next(1 << 20), 2 => random.Next(6 << 20), _ => random.Next(40 << 20) };
    }

    [Fact]
    public void Large_blocks_are_copied_on_the_server()
    {
        var steps = DefragPlan.Make([new("a", 0, 100), new("b", 0, 1L << 30), new("c", 0, 6 << 20)], Part, _ => true);
        Assert.Equal([false, true, true], steps.Select(step => step.IsCopy));
        Assert.Equal([PartSizes.MinPartSize, (1L << 30) + 100 - PartSizes.MinPartSize, 6L << 20], steps.Select(step => step.Length));
    }

    [Fact]
    public void A_one_level_listing_is_ordered_by_name_and_yields_items_as_early_as_possible()
    {
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var items = Enumerable.Range(0, 40).Select(_ => new ItemInfo(Name(), 0, random.Next(2) == 0)).DistinctBy(item => KeyOf(item)).ToList();
            var served = items.OrderBy(KeyOf, StringComparer.Ordinal).Chunk(7).ToList();
            var order = new LevelSorter();
            var taken = new List<ItemInfo>();
            foreach (var (i, page) in served.Index())
            {
                foreach (var item in page.OrderBy(item => item.IsDirectory)) order.Add(item);
                taken.AddRange(order.Take(i == served.Count - 1 ? null : KeyOf(page[^1])));
            }
            Assert.Equal(items.OrderBy(item => item.Name, StringComparer.Ordinal).ThenBy(item => item.IsDirectory), taken);
        }

        var hex = new LevelSorter();
        hex.Add(new("00", 0, IsDirectory: true));
        hex.Add(new("0123", 0));
        Assert.Equal(2, hex.Take("0123").Count());

        string Name() => string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => "a-.b!"[random.Next(5)]));
        static string KeyOf(ItemInfo item) => item.IsDirectory ? item.Name + "/" : item.Name;
    }

    [Theory]
    [InlineData(1L << 20)]
    [InlineData(100_000_000_000)]
    [InlineData(1_000_000_000_000)]
    [InlineData(5_000_000_000_000)]
    public async Task The_total_size_of_parts_in_memory_is_bounded(long valueLength)
    {
        const int Capacity = 12 * PartSizes.DefaultPartSize;
        var size = PartSizes.For(valueLength);
        var buffers = new PartBuffers(Capacity);
        var parts = new List<PartBuffers.Lease>();
        while (buffers.TryRent(size) is { } part) parts.Add(part);
        Assert.InRange(parts.Sum(part => (long)part.Memory.Length), size, Math.Max(size, Capacity));

        var waiting = buffers.RentAsync(size, TestContext.Current.CancellationToken).AsTask();
        Assert.False(waiting.IsCompleted);
        foreach (var part in parts) part.Dispose();
        (await waiting).Dispose();
    }

    // Joins consecutive pieces of the same block.
    private static List<Block> Join(IEnumerable<Block> pieces)
    {
        var joined = new List<Block>();
        foreach (var piece in pieces)
        {
            if (joined.Count > 0 && joined[^1] is var last && last.Name == piece.Name && last.Offset + last.Length == piece.Offset)
                joined[^1] = last with { Length = last.Length + piece.Length };
            else
                joined.Add(piece);
        }
        return joined;
    }
}
