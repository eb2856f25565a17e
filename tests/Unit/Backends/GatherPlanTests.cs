using BorgStore.Backends;
using BorgStore.Backends.Gathering;

namespace BorgStore.Tests.Backends;

/// <summary>The reads that a gathering consists of.</summary>
public sealed class GatherPlanTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // The items that were looked up.
    private readonly List<string> _found = [];

    [Fact]
    public async Task Ranges_that_follow_each_other_in_an_item_are_one_read()
    {
        var plan = await MakeAsync(new("a", 0, 10), new("a", 10, 5), new("a", 16, 4), new("b", 20, 5), new("b", 0, 0), new("b", 25, 1));
        Assert.Equal((25, 25), (plan.Length, plan.Left));
        Assert.Equal([("a", 0, 0, 15), ("a", 16, 15, 4), ("b", 20, 19, 6)], Fill(plan, 25));
        Assert.Equal(0, plan.Left);
        Assert.Empty(_found);
    }

    [Fact]
    public async Task A_range_that_does_not_fit_into_a_buffer_continues_in_the_next()
    {
        var plan = await MakeAsync(new("a", 100, 10), new("b", 0, 2));
        Assert.Equal([("a", 100, 0, 4)], Fill(plan, 4));
        Assert.Equal(8, plan.Left);
        Assert.Equal([("a", 104, 0, 6)], Fill(plan, 6));
        Assert.Equal([("b", 0, 0, 2)], Fill(plan, 2));
        Assert.Equal((12, 0), (plan.Length, plan.Left));
    }

    [Fact]
    public async Task An_offset_from_the_end_is_resolved_by_the_size_and_others_are_not_looked_up()
    {
        var plan = await MakeAsync(new("b", 3, 1), new("a", -100, 4), new("a", -1, 1), new("c", -5, 0));
        Assert.Equal(["a"], _found);
        Assert.Equal([("b", 3, 0, 1), ("a", 0, 1, 4), ("a", 99, 5, 1)], Fill(plan, 6));
    }

    [Fact]
    public async Task A_range_may_end_with_its_item_and_not_behind_it()
    {
        var plan = await MakeAsync(new("a", 0, 100), new("a", 99, 1));
        await plan.CheckAsync(FindAsync, Ct);
        var error = await AssertFailsAsync(StoreError.ReadRange, async () => await (await MakeAsync(new("b", 0, 1), new("a", 99, 2))).CheckAsync(FindAsync, Ct));
        Assert.Equal(("a", "it has 100 bytes, and 2 bytes from offset 99 were requested"), (error.Name, error.Message));
        error = await AssertFailsAsync(StoreError.ReadRange, () => MakeAsync(new Block("a", -101, 1)).AsTask());
        Assert.Equal(("a", "it has 100 bytes, and 1 bytes from offset -101 were requested"), (error.Name, error.Message));
        await GatherPlan.ThrowIfAnyOutsideAsync([new("a", 0, 100)], FindAsync, Ct);
        await AssertFailsAsync(StoreError.ReadRange, () => GatherPlan.ThrowIfAnyOutsideAsync([new("a", 0, 100), new("a", -1, 1)], FindAsync, Ct));
    }

    [Fact]
    public async Task A_missing_item_and_a_directory_are_named()
    {
        foreach (var name in new[] { "missing", "directory" })
        {
            var plan = await MakeAsync(new("a", 0, 1), new(name, 0, 1));
            Assert.Equal(name, (await AssertFailsAsync(StoreError.ObjectNotFound, () => plan.CheckAsync(FindAsync, Ct))).Name);
            Assert.Equal(name, (await AssertFailsAsync(StoreError.ObjectNotFound, () => MakeAsync(new Block(name, -1, 1)).AsTask())).Name);
        }
    }

    [Fact]
    public async Task Lengths_are_neither_negative_nor_beyond_the_maximum_together()
    {
        var error = await AssertFailsAsync(StoreError.InvalidArgument, () => MakeAsync(new("a", 0, 1), new Block("b", 0, -1)).AsTask());
        Assert.Equal(("b", "The length -1 of a part of 'b' is negative."), (error.Name, error.Message));
        Assert.Equal(long.MaxValue, (await MakeAsync(new("a", 0, 1), new("a", 0, long.MaxValue - 1))).Length);
        error = await AssertFailsAsync(StoreError.ReadRange, () => MakeAsync(new("a", 0, 1), new Block("b", 0, long.MaxValue)).AsTask());
        Assert.Equal("b", error.Name);
        await AssertFailsAsync(StoreError.InvalidArgument, () => MakeAsync([.. Enumerable.Repeat(new Block("a", 0, 0), Block.MaxCount + 1)]).AsTask());
    }

    [Fact]
    public void A_piece_that_cannot_be_read_is_named_with_its_place()
    {
        var piece = new Piece("a", 5, new byte[3]);
        Assert.Equal((StoreError.ObjectNotFound, "a"), (piece.Missing().Error, piece.Missing().Name));
        Assert.Equal((StoreError.ReadRange, "it has 6 bytes, and 3 bytes from offset 5 were requested"), (piece.Outside(6).Error, piece.Outside(6).Message));
    }

    private static List<(string Name, long Offset, int Start, int Length)> Fill(GatherPlan plan, int size)
    {
        // Each byte is its place, so that a piece shows where it is.
        var buffer = Enumerable.Range(0, size).Select(i => (byte)i).ToArray();
        return plan.FillWindow(buffer).ConvertAll(piece => (piece.Name, piece.Offset, (int)piece.Target.Span[0], piece.Target.Length));
    }

    private static async Task<StoreException> AssertFailsAsync(StoreError error, Func<Task> act)
    {
        var exception = await Assert.ThrowsAsync<StoreException>(act);
        Assert.Equal(error, exception.Error);
        return exception;
    }

    private ValueTask<GatherPlan> MakeAsync(params Block[] blocks) => GatherPlan.MakeAsync(blocks, FindAsync, Ct);

    private ValueTask<ItemInfo?> FindAsync(string name, CancellationToken cancellationToken)
    {
        lock (_found) _found.Add(name);
        return new(name == "missing" ? null : new ItemInfo(name, 100) { IsDirectory = name == "directory" });
    }
}
