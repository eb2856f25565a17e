using System.Text;
using Markdig;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace BorgStore.Help;

/// <summary>A page in Markdown, whose title is its own name.</summary>
internal sealed class MarkdownFile
{
    private static readonly MarkdownPipeline Syntax = new MarkdownPipelineBuilder().UsePipeTables().Build();

    private MarkdownFile(string path, MarkdownDocument document) => (Path, Document) = (path, document);

    public string Path { get; }

    /// <summary>What cmdlet or topic it is about.</summary>
    public string Title => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>What follows the title.</summary>
    public IEnumerable<Block> Body => Document.Skip(1);

    private MarkdownDocument Document { get; }

    public static MarkdownFile Read(string path, Problems problems)
    {
        var file = new MarkdownFile(path, Markdown.Parse(File.ReadAllText(path), Syntax));
        if (file.Document is not [HeadingBlock { Level: 1 } title, ..] || Plain(title) != file.Title
            || file.Body.OfType<HeadingBlock>().Any(heading => heading.Level == 1))
            problems.Add(path, 1, $"The one heading of the first level is '# {file.Title}', in the first line.");
        foreach (var html in file.Document.Descendants().Where(node => node is HtmlBlock or HtmlInline))
            problems.Add(path, html.Line + 1, "Get-Help cannot show HTML. What stands in angle brackets and is none is written as `code`.");
        foreach (var link in file.Document.Descendants<LinkInline>())
        {
            if (!link.Url!.Contains("://", StringComparison.Ordinal) && !File.Exists(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, link.Url)))
                problems.Add(path, link.Line + 1, $"There is no file '{link.Url}'.");
        }
        return file;
    }

    /// <summary>The text of a heading or paragraph, without markup.</summary>
    /// <param name="block">The heading or paragraph.</param>
    /// <param name="lineBreak">What stands for the end of a line in it.</param>
    public static string Plain(LeafBlock block, string lineBreak = " ")
    {
        var text = new StringBuilder();
        foreach (var inline in block.Inline!.Descendants())
        {
            text.Append(inline switch
            {
                LiteralInline literal => literal.Content.ToString(),
                CodeInline code => code.Content,
                AutolinkInline link => link.Url,
                HtmlEntityInline entity => entity.Transcoded.ToString(),
                LineBreakInline => lineBreak,
                _ => "",
            });
        }
        return text.ToString();
    }
}
