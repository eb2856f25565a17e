using System.Globalization;
using System.Net;
using System.Text;
using BorgStore.PowerShell.Output;
using BorgStore.PowerShell.Views;

namespace BorgStore.PowerShell.Report;

/// <summary>The report as one page of HTML that needs nothing else: no script, no font and no picture from anywhere.</summary>
/// <param name="survey">The figures.</param>
/// <param name="total">Their sum.</param>
/// <param name="history">The totals of this and earlier reports.</param>
/// <param name="events">What else is known of the store, as pairs of a title and a text.</param>
internal sealed class ReportPage(StoreSurvey survey, BorgStoreMeasure total, ReportHistory history, IReadOnlyList<(string Title, string Text)> events)
{
    // The newest points are the ones that matter.
    private const int MaxPoints = 400;
    private const int ChartWidth = 640;
    private const int ChartHeight = 100;

    private const string Style = """
        :root { color-scheme: light dark; --text: #1b1f24; --quiet: #59636e; --line: #d1d9e0; --back: #fff; --bar: #2f6fbd; --gone: #b3541e; }
        @media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --quiet: #9aa4af; --line: #3a424b; --back: #14181d; --bar: #6aa5ea; --gone: #e08b55; } }
        body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); max-width: 60rem; margin: 0 auto; padding: 1rem; }
        h1 { font-size: 1.5rem; overflow-wrap: anywhere; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
        p.quiet, td.quiet { color: var(--quiet); } p.quiet { margin-top: 0; }
        dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; }
        dt { color: var(--quiet); } dd { margin: 0; font-size: 1.4rem; } dd small { font-size: .9rem; color: var(--quiet); display: block; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
        th.n, td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; } td.name { overflow-wrap: anywhere; }
        td.bar { width: 30%; min-width: 6rem; vertical-align: middle; } svg { display: block; width: 100%; height: auto; }
        .live { fill: var(--bar); } .gone { fill: var(--gone); } .line { fill: none; stroke: var(--bar); stroke-width: 2; } .axis { stroke: var(--line); } text { fill: var(--quiet); font: 12px system-ui, sans-serif; }
        .key::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .3em; background: var(--bar); } .key.deleted::before { background: var(--gone); }
        @media print { body { max-width: none; } h2, tr, svg { break-inside: avoid; } }
        """;

    private readonly StringBuilder _html = new();

    /// <summary>Returns the page.</summary>
    public string Write()
    {
        var url = Encode(PrintableText.Escape(history.Store));
        _html.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <title>{url}</title>
            <style>
            {Style}
            </style>
            </head>
            <body>
            <h1>{url}</h1>
            <p class="quiet">Report of {survey.Time.ToLocalTime():yyyy-MM-dd HH:mm}</p>

            """);
        WriteTotals();
        WriteNamespaces();
        WriteGrowth();
        WriteAges();
        WriteLargest();
        WriteEvents();
        _html.Append("</body>\n</html>\n");
        return _html.ToString();
    }

    private void WriteTotals()
    {
        var before = history.Entries.Count > 1 ? history.Entries[^2] : null;
        _html.Append("<dl>\n");
        Figure("Items", Count(total.Count), before is null ? null : Change(total.Count - before.Count, Count(Math.Abs(total.Count - before.Count)), before));
        Figure("Size", ViewText.Size(total.Size), before is null ? null : Change(total.Size - before.Size, ViewText.Size(Math.Abs(total.Size - before.Size)), before));
        var share = total.Size + total.DeletedSize > 0 ? 100.0 * total.DeletedSize / (total.Size + total.DeletedSize) : 0;
        Figure("Soft-deleted", ViewText.Size(total.DeletedSize), string.Create(CultureInfo.InvariantCulture, $"{Count(total.DeletedCount)} items, {share:0.0} % of all bytes"));
        Figure("Largest item", ViewText.Size(total.Largest), null);
        _html.Append("</dl>\n");
    }

    private void WriteNamespaces()
    {
        _html.Append("<h2>Namespaces</h2>\n<p class=\"quiet\"><span class=\"key\">live</span> &#160; <span class=\"key deleted\">soft-deleted</span></p>\n<div class=\"scroll\"><table>\n");
        _html.Append("<tr><th>Namespace</th><th class=\"n\">Items</th><th class=\"n\">Size</th><th class=\"n\">Soft-deleted</th><th></th></tr>\n");
        var widest = Math.Max(1, survey.Namespaces.Select(ns => ns.Size + ns.DeletedSize).DefaultIfEmpty().Max());
        foreach (var ns in survey.Namespaces)
        {
            var name = ns.Namespace.Length == 0 ? "(none)" : ns.Namespace;
            var live = 100.0 * ns.Size / widest;
            var gone = 100.0 * ns.DeletedSize / widest;
            _html.Append(CultureInfo.InvariantCulture, $"""
                <tr><td class="name">{Show(name)}</td><td class="n">{Count(ns.Count)}</td><td class="n">{ViewText.Size(ns.Size)}</td><td class="n">{ViewText.Size(ns.DeletedSize)}</td>
                <td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{live:0} and {gone:0} % of the largest"><rect class="live" width="{live:0.##}" height="8"/><rect class="gone" x="{live:0.##}" width="{gone:0.##}" height="8"/></svg></td></tr>

                """);
        }
        _html.Append("</table></div>\n");
    }

    private void WriteGrowth()
    {
        _html.Append("<h2>Growth</h2>\n");
        var points = history.Entries.TakeLast(MaxPoints).ToList();
        if (points.Count < 2)
        {
            _html.Append("<p class=\"quiet\">This is the first report. The next one to the same file shows what has changed since.</p>\n");
            return;
        }
        var (first, last) = (points[0].Time, points[^1].Time);
        var top = Math.Max(1, points.Max(point => point.Size));
        var span = Math.Max(1, (last - first).TotalSeconds);
        var line = string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture,
            $"{(point.Time - first).TotalSeconds / span * ChartWidth:0.#},{ChartHeight - (point.Size / (double)top * ChartHeight):0.#}")));
        _html.Append(CultureInfo.InvariantCulture, $"""
            <svg viewBox="-4 -20 {ChartWidth + 8} {ChartHeight + 44}" role="img" aria-label="Size from {ViewText.Size(points[0].Size)} to {ViewText.Size(points[^1].Size)}">
            <path class="axis" d="M0 0H{ChartWidth}M0 {ChartHeight}H{ChartWidth}"/><polyline class="line" points="{line}"/>
            <text x="0" y="-6">{ViewText.Size(top)}</text>
            <text x="0" y="{ChartHeight + 18}">{first.ToLocalTime():yyyy-MM-dd}</text><text x="{ChartWidth}" y="{ChartHeight + 18}" text-anchor="end">{last.ToLocalTime():yyyy-MM-dd}</text>
            </svg>

            """);
    }

    private void WriteAges()
    {
        _html.Append("<h2>Age</h2>\n<p class=\"quiet\">The size of live items by the time since they were written.</p>\n<div class=\"scroll\"><table>\n");
        var names = StoreSurvey.AgeGroups.Select(group => group.Name).Append("older").Append("not known").ToList();
        var widest = Math.Max(1, survey.Ages.Max());
        for (var i = 0; i < names.Count; i++)
        {
            if (i == names.Count - 1 && survey.Ages[i] == 0) continue;
            _html.Append(CultureInfo.InvariantCulture, $"""
                <tr><td>{names[i]}</td><td class="n">{ViewText.Size(survey.Ages[i])}</td><td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="live" width="{100.0 * survey.Ages[i] / widest:0.##}" height="8"/></svg></td></tr>

                """);
        }
        _html.Append("</table></div>\n");
    }

    private void WriteLargest()
    {
        var items = survey.Largest.ToList();
        if (items.Count == 0) return;
        _html.Append("<h2>Largest items</h2>\n<div class=\"scroll\"><table>\n<tr><th>Name</th><th class=\"n\">Size</th><th class=\"n\">Written</th></tr>\n");
        foreach (var item in items)
        {
            var written = item.LastWriteTime?.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
            _html.Append(CultureInfo.InvariantCulture, $"<tr><td class=\"name\">{Show(item.Name)}</td><td class=\"n\">{ViewText.Size(item.Size)}</td><td class=\"n\">{written}</td></tr>\n");
        }
        _html.Append("</table></div>\n");
    }

    private void WriteEvents()
    {
        if (events.Count == 0) return;
        _html.Append("<h2>Maintenance</h2>\n<div class=\"scroll\"><table>\n");
        foreach (var (title, text) in events) _html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Show(title)}</td><td>{Show(text)}</td></tr>\n");
        _html.Append("</table></div>\n");
    }

    private void Figure(string title, string value, string? detail)
        => _html.Append(CultureInfo.InvariantCulture, $"<div><dt>{title}</dt><dd>{Encode(value)}{(detail is null ? "" : $"<small>{Encode(detail)}</small>")}</dd></div>\n");

    private static string Change(long difference, string amount, HistoryEntry before) => string.Create(CultureInfo.InvariantCulture,
        $"{(difference == 0 ? "unchanged" : $"{(difference > 0 ? "+" : "\u2212")}{amount}")} since {before.Time.ToLocalTime():yyyy-MM-dd HH:mm}");

    private static string Count(long count) => count.ToString("n0", CultureInfo.InvariantCulture);

    // Names may come from others.
    private static string Show(string text) => Encode(PrintableText.Escape(text));

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
