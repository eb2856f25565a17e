using System.Text.RegularExpressions;

namespace BorgStore.Help;

/// <summary>A part of a page under a heading, with the headings below it.</summary>
internal sealed class Section(string title, int line)
{
    public string Title { get; } = title;

    public int Line { get; } = line;

    /// <summary>Paragraphs and list items, each on one line without markup.</summary>
    public List<string> Prose { get; } = [];

    /// <summary>Blocks of code with their language.</summary>
    public List<(string Language, string Text)> Code { get; } = [];

    public List<Section> Sections { get; } = [];

    public List<(string Text, string Target)> Links { get; } = [];
}

/// <summary>A page of help in Markdown: headings, paragraphs, lists and blocks of code, and nothing else.</summary>
internal sealed partial class Page(string path)
{
    /// <summary>What a line begins with that tells the value of a parameter that is left out.</summary>
    public const string DefaultMark = "Default: ";

    private readonly Dictionary<string, Section> _sections = [];

    public static IReadOnlyList<string> Headings { get; } =
        ["Synopsis", "Description", "Parameters", "Inputs", "Outputs", "Examples", "Notes", "See also"];

    public string Path { get; } = path;

    /// <summary>The section under one of <see cref="Headings"/>.</summary>
    public Section this[string heading] => _sections[heading];

    public static Page Read(string path, Problems problems)
    {
        var page = new Page(path);
        var lines = File.ReadAllLines(path);
        Section? section = null;
        Section? part = null;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                var end = Array.FindIndex(lines, i + 1, text => text == "```");
                if (part is null || end < 0) problems.Add(path, i + 1, "A block of code is misplaced or has no end.");
                else part.Code.Add((line[3..], string.Join('\n', lines[(i + 1)..end])));
                i = end < 0 ? lines.Length : end;
            }
            else if (line.StartsWith("### ", StringComparison.Ordinal) && section is not null)
            {
                section.Sections.Add(part = new(Plain(line[4..]), i + 1));
            }
            else if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                page._sections[line[3..]] = part = section = new(line[3..], i + 1);
            }
            else if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                if (i > 0 || line[2..] != System.IO.Path.GetFileNameWithoutExtension(path))
                    problems.Add(path, i + 1, "The one heading of the first level is the name of the cmdlet, in the first line.");
            }
            else if (line.StartsWith('|') || line.StartsWith('#') || line.StartsWith('>'))
            {
                problems.Add(path, i + 1, "Get-Help cannot show this: write paragraphs, lists and blocks of code.");
            }
            else if (line.Length > 0)
            {
                part?.Links.AddRange(Link().Matches(line).Select(match => (Plain(match.Groups["text"].Value), match.Groups["target"].Value)));
                var joins = i > 0 && lines[i - 1].Length > 0 && !lines[i - 1].StartsWith("```", StringComparison.Ordinal)
                    && !lines[i - 1].StartsWith('#') && !line.StartsWith("- ", StringComparison.Ordinal)
                    && !line.StartsWith(DefaultMark, StringComparison.Ordinal);
                if (part is null) problems.Add(path, i + 1, "A text stands before the first heading.");
                else if (joins && part.Prose.Count > 0) part.Prose[^1] += " " + Plain(line.Trim());
                else part.Prose.Add(Plain(line.Trim()));
            }
        }
        page.CheckHeadings(problems);
        return page;
    }

    private void CheckHeadings(Problems problems)
    {
        if (!_sections.Keys.SequenceEqual(Headings))
            problems.Add(Path, 1, $"The headings of the second level are, in this order: {string.Join(", ", Headings)}.");
        foreach (var heading in Headings) _sections.TryAdd(heading, new(heading, 1));
    }

    // Without `code`, **strong** and [text](target).
    private static string Plain(string text) => Markup().Replace(text, match => match.Groups["text"].Value);

    [GeneratedRegex(@"`(?<text>[^`]+)`|\*\*(?<text>[^*]+)\*\*|\[(?<text>[^\]]+)\]\([^)]+\)")]
    private static partial Regex Markup();

    [GeneratedRegex(@"\[(?<text>[^\]]+)\]\((?<target>[^)]+)\)")]
    private static partial Regex Link();
}
