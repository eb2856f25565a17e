using System.Globalization;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Reports;

namespace BorgStore.Benchmarks.Measuring.Comparison;

/// <summary>Finds what became slower or needs more between two runs.</summary>
/// <remarks>
/// <para>Times: only ours. Each sample is divided by that of a reference in the same round, which was measured moments before or after: the system calls
/// alone, or else a peer; if none does the same, the nearest one of the place, and where there is none at all, the samples are compared as they are. So a machine that was busier in one run does not count. Slower is a case if samples as different as these
/// have a probability of at most 1 in 1000 without a change (Mann and Whitney's test, exact and one-sided, which assumes no distribution), and it takes
/// at least a tenth longer (the estimate of Hodges and Lehmann). Seven samples of each are the least that can be that improbable; with fewer, or in a
/// quick run, times are not compared.</para>
/// <para>Counts hardly vary, so these are compared as they are: more is an increase by 2 % and 0.02 requests or 0.1 system calls an item, or by 5 % and 64 bytes.</para>
/// </remarks>
internal static class Comparer
{
    private const double Improbable = 0.001;
    private const double Noticeable = 1.1;
    private const int LeastSamples = 7;

    /// <summary>Prints what became worse.</summary>
    /// <returns>1 if anything did; otherwise 0.</returns>
    public static int Compare(Results before, Results after, TextWriter output)
    {
        var worse = new List<string>();
        worse.AddRange(CompareTimes(before, after, out var compared, out var tooFew));
        worse.AddRange(CompareCounts(before, after, out var counted));
        foreach (var line in worse) output.WriteLine(line);
        output.WriteLine($"{worse.Count} became worse, of {compared} times and {counted} counts compared.{(tooFew == 0 ? "" : $" {tooFew} times have fewer than {LeastSamples} samples or are of a quick run, and were not compared.")}");
        output.WriteLine($"slower: Mann-Whitney, exact, one-sided, p ≤ {Improbable}, and Hodges-Lehmann shift ≥ {Noticeable - 1:p0}, of samples divided by those of the reference in the same round.");
        return worse.Count == 0 ? 0 : 1;
    }

    private static List<string> CompareTimes(Results before, Results after, out int compared, out int tooFew)
    {
        var worse = new List<string>();
        (compared, tooFew) = (0, 0);
        foreach (var now in after.Series.Where(series => series.Role == Role.Ours))
        {
            if (before.Series.Find(series => series.Case == now.Case && series.Subject == now.Subject) is not { } then) continue;
            var reference = FindReference(before, after, now);
            var (was, @is) = (Relate(then, reference, before), Relate(now, reference, after));
            if (before.IsQuick || after.IsQuick || was.Count < LeastSamples || @is.Count < LeastSamples)
            {
                tooFew++;
                continue;
            }
            compared++;
            var (probability, shift) = (Statistics.MannWhitney(was, @is), Statistics.Shift(was, @is));
            if (probability <= Improbable && shift >= Noticeable)
                worse.Add(string.Create(CultureInfo.InvariantCulture, $"slower: {now.Subject}, {now.Case.Title}: {shift:0.00} × the time (p = {probability:0.######}; reference: {(reference is null ? "none" : reference.Case == now.Case ? reference.Subject : $"{reference.Subject}, {reference.Case.Title}")}; {Table.Time(then.MedianOfItem())} → {Table.Time(now.MedianOfItem())})"));
        }
        return worse;
    }

    // The nearest: of the same case, else of the same operation, else of the same size; the system calls before peers.
    private static Series? FindReference(Results before, Results after, Series ours)
        => after.Series.Where(series => series.Role != Role.Ours && series.Case.Place == ours.Case.Place && series.Samples.Count >= LeastSamples
                && (series.Case.Operation == ours.Case.Operation || series.Case.Size == ours.Case.Size))
            .Where(series => before.Series.Exists(other => other.Case == series.Case && other.Subject == series.Subject && other.Samples.Count >= LeastSamples))
            .OrderByDescending(series => series.Case == ours.Case).ThenByDescending(series => series.Case.Operation == ours.Case.Operation)
            .ThenByDescending(series => series.Case.Size == ours.Case.Size).ThenByDescending(series => series.Role).FirstOrDefault();

    private static List<double> Relate(Series series, Series? reference, Results results)
        => reference is null ? [.. series.Samples.Select(sample => sample.Nanoseconds)]
            : [.. Statistics.Ratios(series, results.Series.Find(other => other.Case == reference.Case && other.Subject == reference.Subject)!)];

    private static List<string> CompareCounts(Results before, Results after, out int counted)
    {
        var worse = new List<string>();
        counted = 0;
        foreach (var now in after.Costs.Where(cost => after.Series.Exists(series => series.Subject == cost.Subject && series.Role == Role.Ours)))
        {
            if (before.Costs.Find(cost => cost.Case == now.Case && cost.Subject == now.Subject) is not { } then) continue;
            counted++;
            Check("allocates more", then.Allocated, now.Allocated, 1.05, 64, "bytes");
            Check("sends more requests", then.Requests, now.Requests, 1.02, 0.02, "requests");
            Check("makes more system calls", then.AllCalls, now.AllCalls, 1.02, 0.1, "calls" + Difference(then, now));

            void Check(string what, double? was, double? @is, double factor, double least, string unit)
            {
                if (was is { } b && @is is { } a && a > b * factor && a > b + least)
                    worse.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: {now.Subject}, {now.Case.Title}: {b:0.##} → {a:0.##} {unit} an item"));
            }
        }
        return worse;
    }

    private static string Difference(Cost then, Cost now)
    {
        var more = (now.Calls ?? []).Where(call => call.Value > (then.Calls?.GetValueOrDefault(call.Key) ?? 0) + 0.05)
            .Select(call => string.Create(CultureInfo.InvariantCulture, $"{call.Key} {then.Calls?.GetValueOrDefault(call.Key) ?? 0:0.##} → {call.Value:0.##}"));
        return $" ({string.Join(", ", more)})";
    }
}
