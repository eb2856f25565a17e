using System.Globalization;
using System.Text;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Reports;

/// <summary>Plots as SVG, in which times and numbers are logarithmic.</summary>
internal static class Plot
{
    private const int Left = 110, Width = 820, Row = 26, Right = 30;

    // Below the axis: its numbers, and what it shows.
    private const int Below = 46;

    // Distinguishable in both colours of a page, and without colours by their shapes.
    private static readonly string[] Colours = ["#2f6fd0", "#d0582f", "#2f9e62", "#8a55c4", "#b58900", "#c2467c", "#4a8c9b", "#7a7a7a"];

    /// <summary>Draws a row for each operation, with the median time of an item by each subject, and its quartiles.</summary>
    public static string Operations(Results results, string place, long size, int concurrency)
    {
        var all = results.Series.Where(series => series.Case.Place == place && series.Case.Size == size && series.Case.Concurrency == concurrency).ToList();
        var subjects = all.Select(series => series.Subject).Distinct().ToList();
        var operations = all.Select(series => series.Case.Operation).Distinct().ToList();
        var spreads = all.ToDictionary(series => (series.Case.Operation, series.Subject), series => Spread.Of(series.Samples.Select(sample => sample.Nanoseconds / series.Case.Count)));
        if (spreads.Count == 0) return "";
        var axis = new LogAxis(spreads.Values.Min(spread => spread.Low), spreads.Values.Max(spread => spread.High), Left, Width - Right);
        var svg = Begin($"{place}: values of {Case.SizeText(size)}, {concurrency} at a time", subjects, operations.Count * Row, out var top);
        var bottom = top + (operations.Count * Row);
        foreach (var (value, x) in axis.Marks()) svg.Append(CultureInfo.InvariantCulture,
            $"<line x1=\"{x:f1}\" x2=\"{x:f1}\" y1=\"{top}\" y2=\"{bottom}\" class=\"g\"/><text x=\"{x:f1}\" y=\"{bottom + 16}\" text-anchor=\"middle\">{Round(value)}</text>\n");
        WriteTitleOfX(svg, "time of an item, logarithmic: the median, and a line between the quartiles; less is better", bottom);
        for (var row = 0; row < operations.Count; row++)
        {
            var y = top + (row * Row) + (Row / 2);
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 10}\" y=\"{y + 4}\" text-anchor=\"end\">{operations[row]}</text>\n");
            for (var i = 0; i < subjects.Count; i++)
            {
                if (!spreads.TryGetValue((operations[row], subjects[i]), out var spread)) continue;
                svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{axis.At(spread.Low):f1}\" x2=\"{axis.At(spread.High):f1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{Colours[i % Colours.Length]}\" stroke-width=\"3\"/>{Marker(i, axis.At(spread.Median), y)}\n");
            }
        }
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Draws a line for each operation over the number of items.</summary>
    public static string Growth(Results results, string subject)
    {
        var all = results.Series.Where(series => series.Case.Place == "growth" && series.Subject == subject).ToList();
        if (all.Count == 0) return "";
        var operations = all.Select(series => series.Case.Operation).Distinct().ToList();
        const int Height = 300;
        var svg = Begin($"growth: a folder with more and more items, {subject}", operations, Height, out var top);
        var bottom = top + Height;
        var x = new LogAxis(all.Min(series => series.Case.Count), all.Max(series => series.Case.Count), Left, Width - Right);
        var y = new LogAxis(all.Min(Of), all.Max(Of), bottom, top);
        foreach (var (value, at) in x.Marks()) svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{at:f1}\" y=\"{bottom + 16}\" text-anchor=\"middle\">{value:n0}</text>\n");
        foreach (var (value, at) in y.Marks()) svg.Append(CultureInfo.InvariantCulture,
            $"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{at:f1}\" y2=\"{at:f1}\" class=\"g\"/><text x=\"{Left - 8}\" y=\"{at + 4:f1}\" text-anchor=\"end\">{Round(value)}</text>\n");
        WriteTitleOfX(svg, "number of items, logarithmic", bottom);
        svg.Append(CultureInfo.InvariantCulture, $"<text transform=\"translate(20 {top + (Height / 2)}) rotate(-90)\" text-anchor=\"middle\">time of an item; of first and open, the whole</text>\n");
        for (var i = 0; i < operations.Count; i++)
        {
            var points = all.Where(series => series.Case.Operation == operations[i]).OrderBy(series => series.Case.Count).Select(series => (X: x.At(series.Case.Count), Y: y.At(Of(series)))).ToList();
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{Colours[i % Colours.Length]}\" stroke-width=\"2\" points=\"{string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:f1},{point.Y:f1}")))}\"/>\n");
            foreach (var point in points) svg.Append(Marker(i, point.X, point.Y)).Append('\n');
        }
        return svg.Append("</svg>\n").ToString();

        static double Of(Series series) => series.Case.Operation is "first" or "open" ? series.MedianOfItem() * series.Case.Count : series.MedianOfItem();
    }

    // The title, and the legend in as many lines as it needs.
    private static StringBuilder Begin(string title, List<string> legend, int height, out int top)
    {
        var (entries, x, y) = (new StringBuilder(), 16.0, 40);
        for (var i = 0; i < legend.Count; i++)
        {
            var width = 30 + (legend[i].Length * 6.4);
            if (x + width > Width) (x, y) = (16, y + 20);
            entries.Append(CultureInfo.InvariantCulture, $"{Marker(i, x, y - 4)}<text x=\"{x + 10:f1}\" y=\"{y}\">{Escape(legend[i])}</text>\n");
            x += width;
        }
        top = y + 18;
        var whole = top + height + Below;
        return new StringBuilder(string.Create(CultureInfo.InvariantCulture,
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {whole}\" width=\"{Width}\" height=\"{whole}\" font-family=\"sans-serif\" font-size=\"12\">\n"))
            .Append("<style>text{fill:#333}.g{stroke:#8885;stroke-width:1}.b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#161616}}</style>\n")
            .Append(CultureInfo.InvariantCulture, $"<rect class=\"b\" width=\"{Width}\" height=\"{whole}\"/><text x=\"10\" y=\"18\" font-size=\"14\" font-weight=\"bold\">{Escape(title)}</text>\n")
            .Append(entries);
    }

    private static void WriteTitleOfX(StringBuilder svg, string title, int bottom)
        => svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{bottom + 36}\" text-anchor=\"middle\">{title}</text>\n");

    // A power of ten.
    private static string Round(double value) => Table.Time(value).Replace(".00", "", StringComparison.Ordinal).Replace(".0", "", StringComparison.Ordinal);

    private static string Marker(int which, double x, double y)
    {
        var colour = Colours[which % Colours.Length];
        return (which % 4) switch
        {
            0 => string.Create(CultureInfo.InvariantCulture, $"<circle cx=\"{x:f1}\" cy=\"{y:f1}\" r=\"5\" fill=\"{colour}\"/>"),
            1 => string.Create(CultureInfo.InvariantCulture, $"<rect x=\"{x - 4.5:f1}\" y=\"{y - 4.5:f1}\" width=\"9\" height=\"9\" fill=\"{colour}\"/>"),
            2 => string.Create(CultureInfo.InvariantCulture, $"<path d=\"M{x:f1} {y - 6:f1}l6 11h-12z\" fill=\"{colour}\"/>"),
            _ => string.Create(CultureInfo.InvariantCulture, $"<path d=\"M{x:f1} {y - 6:f1}l6 6-6 6-6-6z\" fill=\"{colour}\"/>"),
        };
    }

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);

    /// <summary>A logarithmic axis between two places.</summary>
    private sealed class LogAxis(double least, double most, double from, double to)
    {
        private readonly double _low = Math.Floor(Math.Log10(least) + 1e-9);
        private readonly double _high = Math.Max(Math.Ceiling(Math.Log10(most) - 1e-9), Math.Floor(Math.Log10(least) + 1e-9) + 1);

        public double At(double value) => from + ((Math.Log10(value) - _low) / (_high - _low) * (to - from));

        public IEnumerable<(double Value, double At)> Marks()
        {
            for (var power = _low; power <= _high; power++) yield return (Math.Pow(10, power), At(Math.Pow(10, power)));
        }
    }
}
