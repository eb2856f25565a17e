using System.Diagnostics;
using System.Globalization;
using BorgStore.Tests.Model.Driver;

namespace BorgStore.Tests.Model;

/// <summary>Something that goes wrong while the workers work.</summary>
/// <param name="Name">The name.</param>
/// <param name="CauseAsync">Causes it, and heals it after a while. Returns the groups whose items were out of reach meanwhile; <see langword="null"/> if none.</param>
internal sealed record ModelFault(string Name, Func<Random, Task<int[]?>> CauseAsync)
{
    /// <summary>The longest time before it, in which the workers get on [ms].</summary>
    public int Pause { get; init; } = 60;
}

/// <summary>Lets workers use a store at once, while faults happen, and checks every result against the model.</summary>
/// <param name="place">Where the store is.</param>
/// <param name="faults">What goes wrong.</param>
internal sealed class ModelRun(ModelPlace place, params ModelFault[] faults)
{
    private readonly List<string> _caused = [];
    private readonly List<(int Group, long Start, long End)> _outages = [];

    /// <summary>The seed: another one in every run, unless BORGSTORE_TEST_SEED gives it.</summary>
    public static int Seed { get; } = Environment.GetEnvironmentVariable("BORGSTORE_TEST_SEED") is { Length: > 0 } text
        ? int.Parse(text, CultureInfo.InvariantCulture) : Random.Shared.Next();

    /// <summary>The number of operations whose results were checked.</summary>
    public int Checked { get; private set; }

    /// <summary>The number of those that failed or were cancelled, and so may have taken effect or not.</summary>
    public int Uncertain { get; private set; }

    /// <summary>The number of groups for which neither an order was found nor all were tried.</summary>
    public int Undecided { get; private set; }

    /// <summary>The number of faults that were caused.</summary>
    public int Faults => _caused.Count;

    /// <summary>How long a test runs.</summary>
    /// <param name="usual">The time in every run.</param>
    public static TimeSpan TimeFor(TimeSpan usual)
        => Environment.GetEnvironmentVariable("BORGSTORE_TEST_MINUTES") is { Length: > 0 } text ? TimeSpan.FromMinutes(double.Parse(text, CultureInfo.InvariantCulture))
            : LongTests.Choose(usual, TimeSpan.FromMinutes(2));

    /// <summary>Runs rounds for some time, and at least one.</summary>
    /// <param name="usual">The time in every run; <see cref="TimeFor"/> may choose another.</param>
    /// <param name="clients">Runs the workers; <see langword="null"/> for two stores in this process.</param>
    public async Task<ModelRun> RunAsync(TimeSpan usual, Func<ModelPlan, Task<IReadOnlyList<IModelClient>>>? clients = null)
    {
        var plan = new ModelPlan { Seed = Seed };
        if (faults.Length > 0) plan = plan with { Cancelled = 0 };
        var start = Stopwatch.StartNew();
        var time = TimeFor(usual);
        await using var observer = await InProcessClient.OpenAsync(place.CreateBackend(isDirect: true), plan);
        await using var finder = await InProcessClient.OpenAsync(place.CreateBackend(), plan, place.IsShared ? [0, 1, 2] : [0, 1, 2, 3, 4, 5]);
        IReadOnlyList<IModelClient> workers = clients is not null ? await clients(plan)
            : place.IsShared ? [finder, await InProcessClient.OpenAsync(place.CreateBackend(), plan, 3, 4, 5)] : [finder];
        try
        {
            // Until a fault happened, if any may.
            for (var round = 0; round == 0 || start.Elapsed < time || (faults.Length > 0 && Faults == 0 && start.Elapsed < 10 * time); round++)
            {
                var operations = await RunAsync(plan, round, workers, [observer, .. clients is null ? [finder] : Array.Empty<InProcessClient>()]);
                if (Check(plan, operations) is { } fault) Fail(round, fault);
            }
        }
        finally
        {
            foreach (var worker in workers)
                if (worker != finder) await worker.DisposeAsync();
        }
        Assert.Empty(place.Warnings);
        var outcome = $"{place.Kind}: {Checked} operations in {start.Elapsed.TotalSeconds:0.0} s, {Uncertain} of them uncertain, {Faults} faults, {Undecided} groups undecided, seed {Seed}";
        TestContext.Current.TestOutputHelper?.WriteLine(outcome);
        return this;
    }

    private async Task<List<ModelOperation>> RunAsync(ModelPlan plan, int round, IReadOnlyList<IModelClient> clients, InProcessClient[] observers)
    {
        var operations = new List<ModelOperation>();
        for (var group = 0; group < plan.Groups; group++)
            await ObserveAsync(observers[0], ModelAction.Store, group, plan.StableSlot);

        using var ended = new CancellationTokenSource();
        var faulty = CauseFaultsAsync(plan.CreateRandom(round, 1000), ended.Token);
        var histories = await Task.WhenAll(clients.Select(client => client.RunAsync(round)));
        await ended.CancelAsync();
        await faulty;
        operations.AddRange(histories.SelectMany(history => history));

        // What is there in the end, by every way to see it.
        foreach (var observer in observers)
        {
            await ObserveAsync(observer, ModelAction.List, 0, 0);
            for (var group = 0; group < plan.Groups; group++)
            {
                await ObserveAsync(observer, ModelAction.ListPrefix, group, 0);
                for (var slot = 0; slot <= plan.StableSlot; slot++)
                    foreach (var action in new[] { ModelAction.Load, ModelAction.Find, ModelAction.Hash })
                        await ObserveAsync(observer, action, group, slot);
            }
        }
        // The next rounds list and find less.
        for (var group = 0; group < plan.Groups; group++)
            for (var slot = 0; slot <= plan.StableSlot; slot++)
                await ObserveAsync(observers[^1], ModelAction.Delete, group, slot);
        foreach (var observer in observers) await ObserveAsync(observer, ModelAction.List, 0, 0);
        return operations;

        // With a repetition, because the storage may need a moment to recover from a fault.
        async Task ObserveAsync(InProcessClient observer, ModelAction action, int group, int slot)
        {
            for (var attempt = 0; ; attempt++)
            {
                var operation = new ModelOperation
                {
                    Round = round,
                    Worker = 9,
                    Number = operations.Count,
                    Action = action,
                    Group = group,
                    Slot = slot,
                    StableSlot = plan.StableSlot,
                    Size = ModelPlan.StableSize,
                };
                await observer.Worker.RunAsync(operation);
                operations.Add(operation);
                if (operation.Outcome != ModelOutcome.Failed) return;
                if (attempt == 20) Fail(round, $"The store does not recover: {operation}");
                await Task.Delay(100);
            }
        }
    }

    private async Task CauseFaultsAsync(Random random, CancellationToken ended)
    {
        if (faults.Length == 0) return;
        while (true)
        {
            var fault = faults[random.Next(faults.Length)];
            try
            {
                await Task.Delay(random.Next(2, fault.Pause), ended);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            var start = Stopwatch.GetTimestamp();
            var outage = await fault.CauseAsync(random);
            _caused.Add(fault.Name);
            if (outage is not null) _outages.AddRange(outage.Select(group => (group, start, Stopwatch.GetTimestamp())));
        }
    }

    private string? Check(ModelPlan plan, List<ModelOperation> operations)
    {
        Checked += operations.Count;
        foreach (var operation in operations)
        {
            // Items that are out of reach seem to be missing, and nothing can be stored below what is in their place.
            var isOut = _outages.Exists(outage => (outage.Group == operation.Group || operation.Action == ModelAction.List) && outage.Start <= operation.End && outage.End >= operation.Start);
            if (isOut && (operation.Outcome is ModelOutcome.Missing or ModelOutcome.Exists
                || operation.Action is ModelAction.List or ModelAction.ListPrefix or ModelAction.ListLevel or ModelAction.DeleteMany)) operation.Outcome = ModelOutcome.Failed;
            if (operation.Outcome is ModelOutcome.Failed or ModelOutcome.Pending) Uncertain++;
        }
        // If answers get lost, requests are repeated.
        var traits = faults.Length > 0 && place.Repeats ? place.Traits | ModelTraits.Repeats : place.Traits;
        for (var group = 0; group < plan.Groups; group++)
        {
            var (fault, isUndecided) = GroupHistory.FindFault(operations, group, plan.StableSlot, traits);
            // With many operations that may have happened or not, there are too many orders to try them all.
            if (isUndecided && faults.Length > 0) Undecided++;
            else if (fault is not null) return fault;
        }
        return null;
    }

    private void Fail(int round, string fault)
        => Assert.Fail($"""
            {place.Kind} differs from the model in round {round}. BORGSTORE_TEST_SEED={Seed} repeats the same operations.
            {fault}
            Repeated requests: {(place.Retries.IsEmpty ? "none" : string.Join(Environment.NewLine, place.Retries.TakeLast(20)))}
            Faults: {(_caused.Count == 0 ? "none" : string.Join(", ", _caused.TakeLast(20)))}
            """);
}
