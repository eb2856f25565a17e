using BorgStore.Synchronization;

namespace BorgStore.Tests.Synchronization;

/// <summary>Steps that are found ahead of their turn.</summary>
public sealed class StepQueueTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 10)]
    [InlineData(10, 10)]
    [InlineData(11, 10)]
    [InlineData(1000, 10)]
    [InlineData(1000, 1)]
    public async Task Steps_keep_their_order_however_many_wait_in_the_file(int count, int capacity)
    {
        var steps = Enumerable.Range(0, count).Select(Make).ToList();
        var found = new TaskCompletionSource<(long, long)>();
        var taken = new List<SyncStep>();
        await foreach (var step in new StepQueue(steps.ToAsyncEnumerable(), (items, bytes) => found.SetResult((items, bytes))) { Capacity = capacity }.ReadAsync(Ct))
        {
            // Without anyone who takes more of them, all are found.
            if (taken.Count == 0) Assert.Equal((count, steps.Where(one => one.Action != SyncAction.Delete).Sum(one => one.Size)), await found.Task.WaitAsync(Ct));
            taken.Add(step);
        }
        Assert.Equal(steps.Select(Describe), taken.Select(Describe));
        Assert.True(found.Task.IsCompleted);
    }

    [Fact]
    public async Task Steps_that_are_taken_while_others_are_found_keep_their_order()
    {
        var taken = new List<SyncStep>();
        await foreach (var step in new StepQueue(FindAsync(), (_, _) => { }) { Capacity = 3 }.ReadAsync(Ct))
        {
            taken.Add(step);
            if (taken.Count % 7 == 0) await Task.Yield();
        }
        Assert.Equal(Enumerable.Range(0, 500).Select(Make).Select(Describe), taken.Select(Describe));

        static async IAsyncEnumerable<SyncStep> FindAsync()
        {
            for (var i = 0; i < 500; i++)
            {
                if (i % 11 == 0) await Task.Yield();
                yield return Make(i);
            }
        }
    }

    [Fact]
    public async Task A_failure_comes_after_the_steps_before_it_and_no_total_is_known()
    {
        var taken = 0;
        var queue = new StepQueue(FailAsync(), (_, _) => Assert.Fail("The total is not known.")) { Capacity = 2 };
        var failure = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (var step in queue.ReadAsync(Ct)) taken++;
        });
        Assert.Equal((5, StoreError.ConnectionLost), (taken, failure.Error));

        static async IAsyncEnumerable<SyncStep> FailAsync()
        {
            for (var i = 0; i < 5; i++) yield return Make(i);
            await Task.Yield();
            throw new StoreException(StoreError.ConnectionLost);
        }
    }

    [Fact]
    public async Task Finding_ends_when_nobody_takes_the_steps_any_more()
    {
        var hasEnded = false;
        await foreach (var step in new StepQueue(EndlessAsync(Ct), (_, _) => { }) { Capacity = 2 }.ReadAsync(Ct)) break;
        Assert.True(hasEnded);

        async IAsyncEnumerable<SyncStep> EndlessAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            try
            {
                for (var i = 0; ; i++)
                {
                    yield return Make(i);
                    await Task.Delay(1, cancellationToken);
                }
            }
            finally
            {
                hasEnded = true;
            }
        }
    }

    private static SyncStep Make(int number) => new((SyncAction)(number % 3), $"data/ü{number}", number % 2 == 0, number,
        number % 5 == 0 ? new(StoreError.HashMismatch, $"reason {number}", number % 10 == 0 ? null : $"data/{number}") : null);

    private static (SyncAction, string, bool, long, StoreError?, string?, string?) Describe(SyncStep step)
        => (step.Action, step.Name, step.IsDeleted, step.Size, step.Failure?.Error, step.Failure?.Message, step.Failure?.Name);
}
