using System.Diagnostics;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Places;
using BorgStore.Benchmarks.Measuring.Subjects;

namespace BorgStore.Benchmarks.Measuring;

/// <summary>Measures places one after another. In each, the subjects take turns case by case and round by round, so that all meet the same moods of the machine.</summary>
/// <param name="options">What is measured.</param>
/// <param name="save">Called with all results so far after each place, so that an interrupted run leaves these.</param>
internal sealed class Runner(RunOptions options, Action<Results> save)
{
    private const int MostRounds = 15;
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(25);
    private readonly List<Series> _series = [];
    private readonly List<Cost> _costs = [];
    private readonly List<string> _leftOut = [];

    private int LeastRounds => options.IsQuick ? 2 : 3;

    /// <summary>Measures everything that is wanted.</summary>
    public async Task<Results> RunAsync()
    {
        var places = Place.CreateAll().Where(options.Wants).ToList();
        var usual = Place.CreateAll().Where(place => place.IsUsual).Sum(place => place.Budget.TotalSeconds);
        var folder = Directory.CreateDirectory(Path.Combine(options.Folder, $"borgstore-bench-{Environment.ProcessId}")).FullName;
        var results = new Results(DateTime.UtcNow, await Machine.DescribeRevisionAsync(), await Machine.DescribeAsync(), options.IsQuick, await Machine.DescribePeersAsync(), _leftOut, _series, _costs);
        try
        {
            foreach (var place in places)
            {
                var cases = place.Cases(options).Where(options.Wants).ToList();
                if (cases.Count == 0) continue;
                var budget = place.IsUsual ? place.Budget * (options.Minutes * 60 / usual) : place.Budget;
                // A budget for all places together, of two minutes.
                if (options.IsQuick) budget = TimeSpan.FromSeconds(place.Budget.TotalSeconds / usual * 40);
                await MeasureAsync(place, cases, budget, folder);
                save(results);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return results;
    }

    private async Task MeasureAsync(Place place, List<Case> cases, TimeSpan budget, string folder)
    {
        await Console.Error.WriteLineAsync($"{DateTime.Now:HH:mm:ss} {place.Name}: {cases.Count} cases in about {budget.TotalSeconds:f0} s");
        await using var session = new Session(Path.Combine(folder, place.Name), LeaveOut);
        await place.StartAsync(session, options);
        if (session.Subjects.Count == 0) return;

        await WarmUpAsync(session, cases);
        var groups = place.Group(cases).ToList();
        foreach (var group in groups) await MeasureAsync(place, group, session.Subjects, budget / groups.Count);
    }

    private async Task MeasureAsync(Place place, IReadOnlyList<Case> cases, List<Subject> subjects, TimeSpan budget)
    {
        var clock = Stopwatch.StartNew();
        var round = 0;
        for (; round < MostRounds && (round < LeastRounds || clock.Elapsed * ((round + 1.0) / round) < budget); round++)
        {
            foreach (var @case in cases)
            {
                // Another one begins each time.
                for (var turn = 0; turn < subjects.Count; turn++) await MeasureAsync(subjects[(turn + round) % subjects.Count], @case, round);
            }
        }
        await Console.Error.WriteLineAsync($"{DateTime.Now:HH:mm:ss} {place.Name}: {round} rounds");
        if (place.HasCosts) await CountAsync(place, subjects, cases);
    }

    private async Task MeasureAsync(Subject subject, Case @case, int round)
    {
        var few = @case with { Count = Math.Min(@case.Count, subject.MostItems) };
        if (await TryAsync(subject, @case, async () => (Measurement?)await subject.MeasureAsync(few, Least)) is not { } measured) return;
        var series = _series.Find(series => series.Case == @case && series.Subject == subject.Name);
        if (series is null) _series.Add(series = new(@case, subject.Name, subject.Role, []));
        series.Samples.Add(new(round, measured.Nanoseconds * @case.Count / few.Count));
    }

    // The just-in-time compiler optimises in the background what was called often, so everything is called for a while before it counts.
    private async Task WarmUpAsync(Session session, List<Case> cases)
    {
        var duration = TimeSpan.FromSeconds(options.IsQuick ? 0.4 : 2);
        foreach (var subject in session.Subjects.Where(subject => subject is { NeedsWarmUp: true, MostItems: int.MaxValue }))
        {
            var warming = cases.Where(@case => @case.Size <= 1 << 20 && @case.Count <= 10_000 && subject.Does(@case)).ToList();
            for (var clock = Stopwatch.StartNew(); warming.Count > 0 && clock.Elapsed < duration;)
            {
                foreach (var @case in warming)
                {
                    await TryAsync(subject, @case, () => subject.MeasureAsync(@case, TimeSpan.Zero));
                    if (clock.Elapsed > duration * 2) break;
                }
            }
        }
    }

    private async Task CountAsync(Place place, List<Subject> subjects, IReadOnlyList<Case> cases)
    {
        foreach (var subject in subjects.OfType<WorkerSubject>().Where(subject => subject.MostItems == int.MaxValue))
        {
            foreach (var @case in cases.Where(@case => @case.Concurrency == 1 && subject.Does(@case)))
            {
                var cost = await TryAsync(subject, @case, async () => (Cost?)await Counting.CountAsync(subject, @case, calls: place.IsUsual));
                if (cost is not null) _costs.Add(cost);
            }
        }
    }

    private async Task<T?> TryAsync<T>(Subject subject, Case @case, Func<Task<T>> act)
    {
        if (!subject.Does(@case)) return default;
        try
        {
            return await act();
        }
        catch (Exception e) when (e is SubjectException or IOException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            subject.Refuse(@case);
            LeaveOut($"{subject.Name} does not do {@case.Title}: {e.Message}");
            return default;
        }
    }

    private void LeaveOut(string line)
    {
        if (_leftOut.Contains(line)) return;
        _leftOut.Add(line);
        Console.Error.WriteLine("left out: " + line);
    }
}
