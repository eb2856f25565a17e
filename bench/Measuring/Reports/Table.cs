using System.Globalization;
using System.Text;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Reports;

/// <summary>Results as tables of Markdown: the median time of an item with its quartiles, and by how much ours is faster than each.</summary>
internal static class Table
{
    public static string Write(Results results)
    {
        var text = new StringBuilder();
        foreach (var place in results.Series.GroupBy(series => series.Case.Place)) text.Append(Write(results, place.Key)).Append('\n');
        foreach (var line in results.LeftOut) text.Append("- left out: ").Append(line).Append('\n');
        return text.ToString();
    }

    /// <summary>Writes the table of a place.</summary>
    public static string Write(Results results, string place)
    {
        var text = new StringBuilder($"### {place}\n| case | subject | an item | quartiles | ours is faster | quartiles | aim | allocated | requests | system calls | peak |\n|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|\n");
        foreach (var group in results.Series.Where(series => series.Case.Place == place).GroupBy(series => series.Case))
        {
            var ours = group.FirstOrDefault(series => series.Role == Role.Ours);
            foreach (var series in group)
            {
                var item = Spread.Of(series.Samples.Select(sample => sample.Nanoseconds / series.Case.Count));
                var ratio = ours is null || ours == series ? (Spread?)null : Spread.Of(Statistics.Ratios(series, ours));
                var cost = results.Costs.Find(cost => cost.Subject == series.Subject && cost.Case with { Count = group.Key.Count } == group.Key);
                var aims = Aim.All.Where(aim => aim.Beside.Is(series)).Select(aim => Describe(aim, results)).OfType<string>();
                // A case is named once.
                text.Append(CultureInfo.InvariantCulture,
                    $"| {(series == group.First() ? group.Key.Title[(place.Length + 1)..] : "")} | {series.Subject} | {Time(item.Median)} | {Time(item.Low)} … {Time(item.High)} | {(ratio is { } r ? $"{Number(r.Median)} × | {Number(r.Low)} … {Number(r.High)}" : "| ")} | {string.Join("; ", aims)} | {Bytes(cost?.Allocated)} | {Number(cost?.Requests)} | {Number(cost?.AllCalls)} | {Bytes(cost?.Peak)} |\n");
            }
        }
        return text.ToString();
    }

    private static string? Describe(Aim aim, Results results) => aim.Judge(results) is (var figure, var isMet)
        ? $"{aim.LimitText}{aim.ComparedWith}: {(isMet ? Number(figure.Median) : $"**{Number(figure.Median)}**")}" : null;

    public static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => Significant(nanoseconds) + " ns",
        < 1e6 => Significant(nanoseconds / 1e3) + " µs",
        < 1e9 => Significant(nanoseconds / 1e6) + " ms",
        _ => Significant(nanoseconds / 1e9) + " s",
    };

    public static string Number(double? value) => value is { } number ? number.ToString(Math.Abs(number) switch { < 1 => "0.###", < 10 => "0.##", < 1000 => "0", _ => "#,0" }, CultureInfo.InvariantCulture) : "";

    private static string Significant(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string Bytes(double? bytes) => bytes switch
    {
        null => "",
        < 10 << 10 => bytes.Value.ToString("0", CultureInfo.InvariantCulture) + " B",
        < 10 << 20 => (bytes.Value / 1024).ToString("0", CultureInfo.InvariantCulture) + " KiB",
        _ => (bytes.Value / (1 << 20)).ToString("0", CultureInfo.InvariantCulture) + " MiB",
    };
}
