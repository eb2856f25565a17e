using System.Text;
using Markdig.Extensions.Tables;
using Markdig.Syntax;

namespace BorgStore.Help;

/// <summary>Turns a page into the text of a topic of help, as Get-Help shows it in a window of 80 columns.</summary>
internal static class Topic
{
    private const int Width = 78;
    private const string Indent = "    ";
    private const string CodeIndent = "        ";
    private const string LastHeading = "See also";
    private const int MaxFirstColumnsWidth = 42;

    public static string Write(MarkdownFile file, Problems problems)
    {
        var text = new StringBuilder($"TOPIC\n{Indent}{file.Title}\n\nSHORT DESCRIPTION\n");
        if (file.Body.FirstOrDefault() is not ParagraphBlock summary)
        {
            problems.Add(file.Path, 1, "A topic begins with a paragraph that tells in a sentence what it is about.");
            return "";
        }
        Wrap(text, Indent, MarkdownFile.Plain(summary));
        text.Append("\nLONG DESCRIPTION\n");
        var isLast = false;
        foreach (var block in file.Body.Skip(1))
        {
            switch (block)
            {
                case HeadingBlock { Level: 2 } heading when MarkdownFile.Plain(heading) == LastHeading:
                    text.Append("SEE ALSO\n");
                    isLast = true;
                    continue;
                case HeadingBlock { Level: 2 } heading:
                    text.Append("  ").Append(MarkdownFile.Plain(heading).ToUpperInvariant()).Append('\n');
                    continue;
                case ParagraphBlock paragraph:
                    Wrap(text, Indent, MarkdownFile.Plain(paragraph));
                    break;
                case FencedCodeBlock code:
                    foreach (var line in code.Lines.ToString().Split('\n'))
                    {
                        if (CodeIndent.Length + line.Length > Width)
                            problems.Add(file.Path, code.Line + 1, $"A line of code is longer than {Width - CodeIndent.Length} characters, which a window of 80 columns has room for: {line}");
                        text.Append((CodeIndent + line).TrimEnd()).Append('\n');
                    }
                    break;
                case ListBlock { IsOrdered: false } list when list.Descendants<Block>().All(item => item is ListItemBlock or ParagraphBlock):
                    foreach (var item in list.Descendants<ParagraphBlock>()) Wrap(text, Indent + (isLast ? "" : "  "), MarkdownFile.Plain(item), isLast ? Indent : Indent + "- ");
                    break;
                case Table table:
                    WriteTable(text, table);
                    break;
                default:
                    problems.Add(file.Path, block.Line + 1, "A topic has headings of the second level, paragraphs, lists, tables and fenced code, and nothing else.");
                    break;
            }
            text.Append('\n');
        }
        return text.ToString().TrimEnd('\n') + "\n";
    }

    // Columns under each other, whose last is wrapped into what is left of the width, or stands below where little is left. Two columns
    // explain themselves and need no heading.
    private static void WriteTable(StringBuilder text, Table table)
    {
        var rows = table.OfType<TableRow>().Where((row, index) => index > 0 || row.Count > 2)
            .Select(row => row.OfType<TableCell>().Select(cell => cell is [ParagraphBlock paragraph] ? MarkdownFile.Plain(paragraph) : "").ToList()).ToList();
        var last = rows[0].Count - 1;
        var widths = Enumerable.Range(0, last).Select(column => rows.Max(row => row[column].Length) + 2).ToList();
        foreach (var row in rows)
        {
            var first = Indent + string.Concat(widths.Select((width, column) => row[column].PadRight(width)));
            if (first.Length <= MaxFirstColumnsWidth)
            {
                Wrap(text, new string(' ', first.Length), row[last], first);
                continue;
            }
            text.Append(first.TrimEnd()).Append('\n');
            Wrap(text, CodeIndent, row[last]);
        }
    }

    private static void Wrap(StringBuilder text, string indent, string prose, string? firstIndent = null)
    {
        var line = firstIndent ?? indent;
        var isEmpty = true;
        foreach (var word in prose.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!isEmpty && line.Length + 1 + word.Length > Width)
            {
                text.Append(line).Append('\n');
                (line, isEmpty) = (indent, true);
            }
            line += isEmpty ? word : " " + word;
            isEmpty = false;
        }
        text.Append(line.TrimEnd()).Append('\n');
    }
}
