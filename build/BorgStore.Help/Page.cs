using Markdig.Syntax;

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
}

/// <summary>A page of help about a cmdlet: headings, paragraphs, lists and blocks of code, and nothing else.</summary>
internal sealed class Page
{
    /// <summary>What a line begins with that tells the value of a parameter that is left out.</summary>
    public const string DefaultMark = "Default: ";

    private readonly Dictionary<string, Section> _sections = [];

    private Page(string path) => Path = path;

    public static IReadOnlyList<string> Headings { get; } =
        ["Synopsis", "Description", "Parameters", "Inputs", "Outputs", "Examples", "Notes", "See also"];

    public string Path { get; }

    /// <summary>The section under one of <see cref="Headings"/>.</summary>
    public Section this[string heading] => _sections[heading];

    public static Page Read(MarkdownFile file, Problems problems)
    {
        var page = new Page(file.Path);
        Section? section = null;
        Section? part = null;
        foreach (var block in file.Body)
        {
            switch (block)
            {
                case HeadingBlock { Level: 2 } heading:
                    part = section = new(MarkdownFile.Plain(heading), heading.Line + 1);
                    page._sections[section.Title] = section;
                    break;
                case HeadingBlock { Level: 3 } heading when section is not null:
                    section.Sections.Add(part = new(MarkdownFile.Plain(heading), heading.Line + 1));
                    break;
                case ParagraphBlock paragraph when part is not null:
                    // The mark has a line of its own at the end of a paragraph.
                    var text = MarkdownFile.Plain(paragraph, lineBreak: "\n");
                    var mark = text.StartsWith(DefaultMark, StringComparison.Ordinal) ? 0 : text.IndexOf("\n" + DefaultMark, StringComparison.Ordinal);
                    if (mark != 0) part.Prose.Add((mark < 0 ? text : text[..mark]).Replace('\n', ' '));
                    if (mark >= 0) part.Prose.Add(text[mark..].Trim('\n').Replace('\n', ' '));
                    break;
                case ListBlock { IsOrdered: false } list when part is not null && list.Descendants<Block>().All(item => item is ListItemBlock or ParagraphBlock):
                    part.Prose.AddRange(list.Descendants<ParagraphBlock>().Select(item => "- " + MarkdownFile.Plain(item)));
                    break;
                case FencedCodeBlock code when part is not null:
                    part.Code.Add((code.Info ?? "", code.Lines.ToString()));
                    break;
                default:
                    problems.Add(file.Path, block.Line + 1, "Get-Help cannot show this here: write headings of the second and third level, and below them paragraphs, lists and fenced code.");
                    break;
            }
        }

        if (!page._sections.Keys.SequenceEqual(Headings))
            problems.Add(file.Path, 1, $"The headings of the second level are, in this order: {string.Join(", ", Headings)}.");
        foreach (var heading in Headings) page._sections.TryAdd(heading, new(heading, 1));
        return page;
    }
}
