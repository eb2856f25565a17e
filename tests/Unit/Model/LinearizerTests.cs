namespace BorgStore.Tests.Model;

/// <summary>Histories whose verdict is known: the checker itself is right.</summary>
public sealed class LinearizerTests
{
    [Fact]
    public void A_history_without_operations_is_linearizable() => Assert.True(Linearizer.Check([], [0]).IsLinearizable);

    [Fact]
    public void A_read_sees_the_write_before_it()
    {
        Accept(Write(1, 0, 1), Read(1, 2, 3));
        Reject(Write(1, 0, 1), Read(0, 2, 3));
    }

    [Fact]
    public void A_read_during_a_write_sees_the_old_or_the_new_value()
    {
        Accept(Write(1, 0, 10), Read(0, 2, 3), Read(1, 4, 5));
        Accept(Write(1, 0, 10), Read(1, 2, 3));
        // But not the old one again after the new one.
        Reject(Write(1, 0, 10), Read(1, 2, 3), Read(0, 4, 5));
    }

    [Fact]
    public void Two_readers_agree_on_the_order_of_two_writes()
    {
        Accept(Write(1, 0, 10), Write(2, 0, 10), Read(2, 11, 12), Read(2, 13, 14));
        Reject(Write(1, 0, 10), Write(2, 0, 10), Read(2, 11, 12), Read(1, 13, 14));
        Accept(Write(1, 0, 10), Write(2, 0, 10), Read(1, 1, 4), Read(2, 5, 6));
    }

    [Fact]
    public void A_lost_overwrite_is_found() => Reject(Write(1, 0, 1), Write(2, 2, 3), Read(1, 4, 5));

    [Fact]
    public void A_write_that_failed_may_take_effect_never_at_once_or_later()
    {
        var failed = Write(2, 2, long.MaxValue) with { IsOptional = true };
        Accept(Write(1, 0, 1), failed, Read(1, 4, 5));
        Accept(Write(1, 0, 1), failed, Read(2, 4, 5));
        Accept(Write(1, 0, 1), failed, Read(1, 4, 5), Read(2, 6, 7));
        // But not twice, and not before it began.
        Reject(Write(1, 0, 1), failed, Read(2, 4, 5), Read(1, 6, 7));
        Reject(Write(1, -3, -2), Read(2, 0, 1), failed);
    }

    [Fact]
    public void A_repeated_write_takes_effect_twice_only_while_it_is_under_way()
    {
        var repeated = Write(1, 0, 10) with { IsOptional = true };
        Step[] steps = [Write(1, 0, 10), repeated, Write(2, 3, 5), Read(1, 1, 2), Read(2, 6, 7)];
        Accept([.. steps, Read(1, 8, 9)]);
        Accept([.. steps, Read(1, 11, 12)]);
        Reject([.. steps, Read(2, 11, 12), Read(1, 13, 14)]);
    }

    [Fact]
    public void The_steps_of_one_operation_come_in_their_order()
    {
        // A copy: its value is read at one moment, and written at a later one.
        Step copyReads = new("copy reads", 2, 10, state => [state[0], state[1], state[0]]);
        Step copyWrites = new("copy writes", 2, 10, state => [state[0], state[2], 0]) { After = 1 };
        Func<int, int, int, Step> readCopy = (value, start, end) => new($"read copy {value}", start, end, state => state[1] == value ? state : null);
        Assert.True(Linearizer.Check([Write(1, 0, 1), copyReads, copyWrites, Write(2, 3, 4), readCopy(1, 11, 12)], [0, 0, 0]).IsLinearizable);
        Assert.True(Linearizer.Check([Write(1, 0, 1), copyReads, copyWrites, Write(2, 3, 4), readCopy(2, 11, 12)], [0, 0, 0]).IsLinearizable);
        Assert.False(Linearizer.Check([Write(1, 0, 1), copyReads, copyWrites, Write(2, 11, 12), readCopy(2, 13, 14)], [0, 0, 0]).IsLinearizable);
    }

    // The same random histories, judged by trying every order.
    [Fact]
    public void Random_histories_get_the_verdict_of_a_search_of_all_orders()
    {
        var random = new Random(1);
        var verdicts = new int[2];
        for (var i = 0; i < 3000; i++)
        {
            Step[] steps = [.. Enumerable.Range(0, random.Next(1, 7)).Select(_ =>
            {
                var start = random.Next(12);
                var end = start + random.Next(1, 8);
                return random.Next(5) switch
                {
                    0 => Write(random.Next(1, 4), start, long.MaxValue) with { IsOptional = true },
                    1 => Write(random.Next(1, 4), start, end) with { IsOptional = true },
                    2 => Write(random.Next(1, 4), start, end),
                    _ => Read(random.Next(4), start, end),
                };
            })];
            var expected = Find(steps, [], 0);
            Assert.Equal(expected, Linearizer.Check(steps, [0]).IsLinearizable);
            verdicts[expected ? 1 : 0]++;
        }
        Assert.All(verdicts, count => Assert.True(count > 300));
    }

    private static bool Find(Step[] steps, List<int> order, int state)
    {
        if (Enumerable.Range(0, steps.Length).All(index => steps[index].IsOptional || order.Contains(index))) return true;
        for (var index = 0; index < steps.Length; index++)
        {
            if (order.Contains(index)) continue;
            // Nothing that ended before this one began may come after it, and nothing that begins after its end may have come before it.
            if (Enumerable.Range(0, steps.Length).Any(other => other != index && !order.Contains(other) && !steps[other].IsOptional && steps[other].End < steps[index].Start)) continue;
            if (order.Any(other => steps[other].Start > steps[index].End)) continue;
            if (steps[index].Apply([state]) is { } next && Find(steps, [.. order, index], next[0])) return true;
        }
        return false;
    }

    private static Step Write(int value, long start, long end) => new($"write {value}", start, end, state => [value, .. state.Skip(1)]);

    private static Step Read(int value, long start, long end) => new($"read {value}", start, end, state => state[0] == value ? state : null);

    private static void Accept(params Step[] steps) => Assert.True(Linearizer.Check(steps, [0]).IsLinearizable);

    private static void Reject(params Step[] steps)
    {
        var verdict = Linearizer.Check(steps, [0]);
        Assert.False(verdict.IsLinearizable);
        Assert.False(verdict.IsUndecided);
        Assert.Contains("these do not fit", verdict.Explanation, StringComparison.Ordinal);
    }
}
