using System.Text;

namespace BorgStore.Tests.Model;

/// <summary>One moment at which an operation takes effect, or sees the state.</summary>
/// <param name="Name">The operation, for messages.</param>
/// <param name="Start">When the operation began.</param>
/// <param name="End">When it ended; <see cref="long.MaxValue"/> if it did not.</param>
/// <param name="Apply">Returns the state after it, or <see langword="null"/> if it is impossible in the state before it. An observation returns the same array.</param>
internal sealed record Step(string Name, long Start, long End, Func<int[], int[]?> Apply)
{
    /// <summary>Whether it may never happen.</summary>
    public bool IsOptional { get; init; }

    /// <summary>The index of the step that must happen before this one, or -1.</summary>
    public int After { get; init; } = -1;
}

/// <summary>Whether there is an order of all steps that explains every result.</summary>
/// <param name="IsLinearizable">Whether there is one.</param>
/// <param name="IsUndecided">Whether the search was given up.</param>
/// <param name="Explanation">How far the best order got.</param>
internal sealed record Verdict(bool IsLinearizable, bool IsUndecided, string Explanation);

/// <summary>Searches an order of concurrent operations, each at a moment between its start and its end, in which every result is right: the algorithm of
/// Wing and Gong, with Lowe's memory of configurations that were tried.</summary>
internal static class Linearizer
{
    /// <summary>Checks a history.</summary>
    /// <param name="steps">The steps, in any order.</param>
    /// <param name="initial">The state before all of them.</param>
    /// <param name="describe">Describes a state.</param>
    /// <param name="maxConfigurations">The number of configurations after which the search is given up.</param>
    public static Verdict Check(IReadOnlyList<Step> steps, int[] initial, Func<int[], string>? describe = null, int maxConfigurations = 100_000)
    {
        describe ??= state => string.Join(' ', state);
        // Most of what failed never happened. So the operations that must have happened are added one by one, as long as each explains more.
        var chosen = new HashSet<(string, long)>();
        var optional = steps.Where(step => step.IsOptional).Select(step => (step.Name, step.Start)).Distinct().ToList();
        var (verdict, progress) = Try(chosen);
        while (!verdict.IsLinearizable && chosen.Count < optional.Count)
        {
            (string, long)? best = null;
            foreach (var one in optional.Where(one => !chosen.Contains(one)))
            {
                var (next, further) = Try([.. chosen, one]);
                if (next.IsLinearizable) return next;
                if (further > progress) (best, progress) = (one, further);
            }
            if (best is not { } found) break;
            chosen.Add(found);
        }
        return verdict.IsLinearizable || optional.Count == 0 ? verdict : new Search(steps, describe, maxConfigurations).Run(initial);

        (Verdict Verdict, int Progress) Try(HashSet<(string, long)> with)
        {
            var kept = Enumerable.Range(0, steps.Count).Where(index => !steps[index].IsOptional || with.Contains((steps[index].Name, steps[index].Start))).ToList();
            var search = new Search([.. kept.Select(index => steps[index] with { After = steps[index].After < 0 ? -1 : kept.IndexOf(steps[index].After) })], describe,
                optional.Count == 0 ? maxConfigurations : 3000);
            return (search.Run(initial), search.Progress);
        }
    }

    private sealed class Search
    {
        private readonly Step[] _steps;
        private readonly int[] _after;
        private readonly Func<int[], string> _describe;
        private readonly int _limit;
        private readonly HashSet<Configuration> _tried = [];
        private readonly List<int> _order = [];
        private readonly int _mandatory;
        private int[] _bestOrder = [];

        /// <summary>The most steps that one order explained.</summary>
        public int Progress => _best;

        private int _best = -1;
        private int[] _bestState = [];

        public Search(IReadOnlyList<Step> steps, Func<int[], string> describe, int limit)
        {
            // By their start, so that the candidates of a configuration are at the front of what is left.
            var sorted = Enumerable.Range(0, steps.Count).OrderBy(index => steps[index].Start).ToArray();
            _steps = [.. sorted.Select(index => steps[index])];
            _after = [.. _steps.Select(step => step.After < 0 ? -1 : Array.IndexOf(sorted, step.After))];
            (_describe, _limit, _mandatory) = (describe, limit, _steps.Count(step => !step.IsOptional));
        }

        public Verdict Run(int[] initial)
        {
            var stack = new Stack<Frame>();
            if (Expand(new(new ulong[(_steps.Length + 63) / 64], initial, long.MinValue, 0, 0)) is not { } first) return new(true, false, "");
            if (first.Count > 0 || _mandatory > 0) stack.Push(first);
            while (stack.TryPeek(out var frame))
            {
                if (frame.Next == frame.Count)
                {
                    stack.Pop();
                    _order.RemoveRange(frame.OrderBefore, _order.Count - frame.OrderBefore);
                    continue;
                }
                _order.RemoveRange(frame.OrderAfter, _order.Count - frame.OrderAfter);
                var index = frame.Candidates![frame.Next++];
                if (_steps[index].Apply(frame.State) is not { } state) continue;
                if (_tried.Count > _limit) return new(false, true, Explain());
                var done = (ulong[])frame.Done.Clone();
                done[index / 64] |= 1UL << (index % 64);
                var before = _order.Count;
                _order.Add(index);
                if (Expand(new(done, state, Math.Max(frame.Latest, _steps[index].Start), frame.MandatoryDone + (_steps[index].IsOptional ? 0 : 1), before)) is not { } next)
                    return new(true, false, "");
                if (next.Candidates is null) _order.RemoveRange(before, _order.Count - before);
                else stack.Push(next);
            }
            return new(false, false, Explain());
        }

        // Takes all observations that fit, which needs no choice, and finds what may come next. Returns null if everything is done.
        private Frame? Expand(Frame frame)
        {
            while (true)
            {
                if (frame.MandatoryDone == _mandatory) return null;
                var candidates = FindCandidates(frame, out var optionalEnd);
                var observed = false;
                foreach (var index in candidates)
                {
                    var step = _steps[index];
                    // An optional step that could only come before this one would be lost.
                    if (step.IsOptional || step.Start > optionalEnd || !ReferenceEquals(step.Apply(frame.State), frame.State)) continue;
                    frame.Done[index / 64] |= 1UL << (index % 64);
                    frame.Latest = Math.Max(frame.Latest, step.Start);
                    frame.MandatoryDone++;
                    _order.Add(index);
                    observed = true;
                    break;
                }
                if (observed) continue;
                if (frame.MandatoryDone > _best) (_best, _bestOrder, _bestState) = (frame.MandatoryDone, [.. _order], frame.State);
                frame.OrderAfter = _order.Count;
                if (!_tried.Add(new(frame.Done, frame.State))) return frame;
                candidates.Sort((a, b) => (_steps[a].IsOptional, _steps[a].End).CompareTo((_steps[b].IsOptional, _steps[b].End)));
                frame.Candidates = candidates;
                return frame;
            }
        }

        private List<int> FindCandidates(Frame frame, out long optionalEnd)
        {
            var candidates = new List<int>();
            var firstEnd = long.MaxValue;
            optionalEnd = long.MaxValue;
            for (var index = 0; index < _steps.Length; index++)
            {
                if (IsDone(frame.Done, index)) continue;
                var step = _steps[index];
                if (step.Start > firstEnd) break;
                if (step.IsOptional)
                {
                    if (step.End < frame.Latest) continue;
                    optionalEnd = Math.Min(optionalEnd, step.End);
                }
                else
                {
                    firstEnd = Math.Min(firstEnd, step.End);
                }
                if (_after[index] < 0 || IsDone(frame.Done, _after[index])) candidates.Add(index);
            }
            candidates.RemoveAll(index => _steps[index].Start > firstEnd);
            return candidates;
        }

        private static bool IsDone(ulong[] done, int index) => (done[index / 64] & (1UL << (index % 64))) != 0;

        private string Explain()
        {
            var text = new StringBuilder();
            text.AppendLine("The best order ends with:");
            foreach (var index in _bestOrder.TakeLast(15)) text.Append("  ").AppendLine(Show(index));
            text.Append("Then the state is ").AppendLine(_describe(_bestState));
            text.AppendLine("and these do not fit:");
            var done = new ulong[(_steps.Length + 63) / 64];
            var latest = long.MinValue;
            foreach (var index in _bestOrder)
            {
                done[index / 64] |= 1UL << (index % 64);
                latest = Math.Max(latest, _steps[index].Start);
            }
            foreach (var index in FindCandidates(new(done, _bestState, latest, 0, 0), out _)) text.Append("  ").AppendLine(Show(index));
            return text.ToString();
        }

        private string Show(int index)
        {
            var origin = _steps.Length == 0 ? 0 : _steps[0].Start;
            var step = _steps[index];
            return $"[{Microseconds(step.Start)}, {(step.End == long.MaxValue ? "…" : Microseconds(step.End))} µs] {(step.IsOptional ? "perhaps " : "")}{step.Name}";

            string Microseconds(long ticks) => $"{(ticks - origin) * 1_000_000 / System.Diagnostics.Stopwatch.Frequency}";
        }
    }

    private sealed class Frame(ulong[] done, int[] state, long latest, int mandatoryDone, int orderBefore)
    {
        public ulong[] Done { get; } = done;

        public int[] State { get; } = state;

        public long Latest { get; set; } = latest;

        public int MandatoryDone { get; set; } = mandatoryDone;

        public int OrderBefore { get; } = orderBefore;

        public int OrderAfter { get; set; }

        /// <summary>What may come next; <see langword="null"/> if that was tried before.</summary>
        public List<int>? Candidates { get; set; }

        public int Count => Candidates?.Count ?? 0;

        public int Next { get; set; }
    }

    private readonly struct Configuration(ulong[] done, int[] state) : IEquatable<Configuration>
    {
        private readonly ulong[] _done = done;
        private readonly int[] _state = state;

        public bool Equals(Configuration other) => _done.AsSpan().SequenceEqual(other._done) && _state.AsSpan().SequenceEqual(other._state);

        public override bool Equals(object? obj) => obj is Configuration other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            foreach (var part in _done) hash.Add(part);
            foreach (var part in _state) hash.Add(part);
            return hash.ToHashCode();
        }
    }
}
