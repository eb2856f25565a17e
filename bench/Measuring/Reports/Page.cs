using System.Globalization;
using System.Text;
using BorgStore.Benchmarks.Measuring.Model;

namespace BorgStore.Benchmarks.Measuring.Reports;

/// <summary>Writes the figures of <c>docs/performance.md</c>, between its marks, and the plots beside it.</summary>
internal static class Page
{
    private const long KiB = 1 << 10, MiB = 1 << 20;

    private static readonly (string Place, long Size, int Concurrency)[] Plots =
    [
        ("file", KiB, 1), ("file", 64 * MiB, 1), ("rest", KiB, 16), ("sftp", KiB, 16), ("s3", KiB, 16), ("rclone", KiB, 16),
    ];

    public static string Path { get; } = System.IO.Path.Combine(Places.Session.Root, "docs", "performance.md");

    /// <summary>Rewrites the page and its plots.</summary>
    public static void Write(Results results)
    {
        var text = File.ReadAllText(Path);
        text = Replace(text, "machine", Machine(results));
        text = Replace(text, "aims", Aims(results));
        text = Replace(text, "plots", DrawPlots(results));
        text = Replace(text, "tables", string.Join('\n', results.Series.Select(series => series.Case.Place).Distinct().Select(place => Table.Write(results, place))));
        File.WriteAllText(Path, text);
    }

    /// <summary>Returns the table of aims, those without a figure included.</summary>
    public static string Aims(Results results)
    {
        var text = new StringBuilder("| what | aim | measured | quartiles | |\n|---|--:|--:|--:|---|\n");
        foreach (var aim in Aim.All)
        {
            text.Append(aim.Judge(results) is (var figure, var isMet)
                ? $"| {aim.What} | {aim.LimitText} | {Table.Number(figure.Median)} {aim.Unit} | {Table.Number(figure.Low)} … {Table.Number(figure.High)} | {(isMet ? "met" : "**missed**")} |\n"
                : $"| {aim.What} | {aim.LimitText} | … | | |\n");
        }
        return text.ToString();
    }

    private static string Machine(Results results)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"Measured on {results.Taken:yyyy-MM-dd} at revision {results.Revision}: {results.Machine}.{(results.IsQuick ? " With `--quick`, so these figures are rough." : "")}\n\nPeers: {string.Join("; ", results.Peers)}.\n"));
        if (results.LeftOut.Count > 0) text.Append("\nLeft out:\n").AppendJoin("", results.LeftOut.Select(line => $"- {line}\n"));
        return text.ToString();
    }

    private static string DrawPlots(Results results)
    {
        var text = new StringBuilder();
        foreach (var (place, size, concurrency) in Plots)
        {
            var svg = Plot.Operations(results, place, size, concurrency);
            Save($"{place}-{Case.SizeText(size).Replace(" ", "", StringComparison.Ordinal)}-{concurrency}", $"{place}, values of {Case.SizeText(size)}, {concurrency} at a time", svg);
        }
        foreach (var subject in new[] { Places.Names.Ours, Places.Names.Pipeline })
            Save(subject == Places.Names.Ours ? "growth" : "growth-pipeline", $"How cost grows with the number of items, {subject}", Plot.Growth(results, subject));
        return text.ToString();

        void Save(string name, string title, string svg)
        {
            if (svg.Length == 0) return;
            var file = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, "performance", name + ".svg");
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
            File.WriteAllText(file, svg);
            text.Append(CultureInfo.InvariantCulture, $"![{title}](performance/{name}.svg)\n\n");
        }
    }

    private static string Replace(string text, string section, string content)
    {
        var (begin, end) = ($"<!-- {section} -->\n", $"<!-- end of {section} -->");
        var from = text.IndexOf(begin, StringComparison.Ordinal);
        var to = text.IndexOf(end, StringComparison.Ordinal);
        return from >= 0 && to > from ? $"{text[..(from + begin.Length)]}{content.TrimEnd()}\n{text[to..]}"
            : throw new InvalidDataException($"'{Path}' has no section {section}.");
    }
}
