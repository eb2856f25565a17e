namespace BorgStore.Benchmarks.Measuring.Model;

/// <summary>A median with its quartiles.</summary>
internal readonly record struct Spread(double Median, double Low, double High)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return new(Statistics.Quantile(sorted, 0.5), Statistics.Quantile(sorted, 0.25), Statistics.Quantile(sorted, 0.75));
    }
}

/// <summary>What is computed of samples.</summary>
internal static class Statistics
{
    public static double Median(IEnumerable<double> values) => Quantile([.. values.Order()], 0.5);

    public static double Quantile(double[] sorted, double part)
    {
        if (sorted.Length == 0) return double.NaN;
        var position = part * (sorted.Length - 1);
        var below = (int)position;
        return below + 1 < sorted.Length ? sorted[below] + ((position - below) * (sorted[below + 1] - sorted[below])) : sorted[below];
    }

    /// <summary>Returns the ratios of the times of an item in rounds that both have: first / second. A load that comes and goes cancels out.</summary>
    public static IEnumerable<double> Ratios(Series first, Series second)
        => first.Samples.Join(second.Samples, sample => sample.Round, sample => sample.Round,
            (mine, theirs) => mine.Nanoseconds / first.Case.Count / (theirs.Nanoseconds / second.Case.Count));

    /// <summary>Returns the probability that samples of one distribution would be ordered like these or more so (Mann and Whitney's test, exact, one-sided).</summary>
    /// <param name="before">The samples expected to be smaller.</param>
    /// <param name="after">The samples expected to be larger.</param>
    public static double MannWhitney(IReadOnlyList<double> before, IReadOnlyList<double> after)
    {
        // Ties count half, and rounding down makes the test careful rather than rash.
        var pairs = before.Sum(b => after.Sum(a => a > b ? 1.0 : a == b ? 0.5 : 0));
        var least = (int)Math.Floor(pairs);
        // ways[u]: the orders of n and m samples in which u pairs are larger.
        var (n, m) = (before.Count, after.Count);
        var table = new double[n + 1, m + 1][];
        for (var i = 0; i <= n; i++)
        {
            for (var j = 0; j <= m; j++)
            {
                var ways = new double[(i * j) + 1];
                if (i == 0 || j == 0)
                {
                    ways[0] = 1;
                }
                else
                {
                    // The largest of all is either one of the later samples, larger than all i earlier ones, or an earlier one.
                    for (var u = 0; u < table[i, j - 1].Length; u++) ways[u + i] += table[i, j - 1][u];
                    for (var u = 0; u < table[i - 1, j].Length; u++) ways[u] += table[i - 1, j][u];
                }
                table[i, j] = ways;
            }
        }
        return table[n, m].Skip(least).Sum() / table[n, m].Sum();
    }

    /// <summary>Returns by which factor samples are larger than others (the estimate of Hodges and Lehmann, on logarithms).</summary>
    public static double Shift(IReadOnlyList<double> before, IReadOnlyList<double> after)
        => Median(before.SelectMany(b => after.Select(a => a / b)));
}
