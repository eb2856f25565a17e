namespace BorgStore.Help;

/// <summary>Compares the pages with the cmdlets, so that neither tells of what the other lacks.</summary>
internal static class PageCheck
{
    private const int MinExamples = 3;

    // What a window of 120 columns shows of an example, which Get-Help indents.
    private const int MaxLineLength = 116;

    public static void Run(IReadOnlyList<Cmdlet> cmdlets, IReadOnlyDictionary<string, Page> pages, string folder, Problems problems)
    {
        foreach (var cmdlet in cmdlets)
        {
            if (pages.TryGetValue(cmdlet.Name, out var page)) Compare(cmdlet, page, problems);
            else problems.Add(Path.Combine(folder, cmdlet.Name + ".md"), 1, $"{cmdlet.Name} has no page.");
        }
        foreach (var (name, page) in pages)
        {
            if (!cmdlets.Any(cmdlet => cmdlet.Name == name)) problems.Add(page.Path, 1, $"There is no cmdlet {name}.");
        }
    }

    private static void Compare(Cmdlet cmdlet, Page page, Problems problems)
    {
        foreach (var heading in Page.Headings)
        {
            var section = page[heading];
            if (section.Prose.Count + section.Sections.Count == 0 && !(heading == "Parameters" && cmdlet.Parameters.Count == 0))
                problems.Add(page.Path, section.Line, $"'{heading}' is empty.");
        }

        // What every cmdlet that changes something has needs no words of each page.
        var parameters = cmdlet.Parameters.Select(parameter => "-" + parameter.Name).Except(["-WhatIf", "-Confirm"]).ToList();
        var documented = page["Parameters"].Sections;
        foreach (var missing in parameters.Except(documented.Select(section => section.Title)))
            problems.Add(page.Path, page["Parameters"].Line, $"The parameter {missing} is not documented.");
        foreach (var section in documented)
        {
            if (!parameters.Contains(section.Title)) problems.Add(page.Path, section.Line, $"{cmdlet.Name} has no parameter {section.Title}.");
            if (section.Prose.Count == 0) problems.Add(page.Path, section.Line, $"{section.Title} is not described.");
        }

        string[] outputs = cmdlet.Outputs.Count == 0 ? ["None"] : [.. cmdlet.Outputs];
        if (!outputs.Order(StringComparer.Ordinal).SequenceEqual(page["Outputs"].Sections.Select(section => section.Title).Order(StringComparer.Ordinal)))
            problems.Add(page.Path, page["Outputs"].Line, $"The headings below 'Outputs' are the types of the attribute OutputType: {string.Join(", ", outputs)}.");

        var examples = page["Examples"].Sections;
        if (examples.Count < MinExamples) problems.Add(page.Path, page["Examples"].Line, $"There are fewer than {MinExamples} examples.");
        foreach (var example in examples.Where(example => example.Code is not ([("powershell", _)] or [("powershell", _), ("text", _)])))
            problems.Add(page.Path, example.Line, "An example is one block of powershell, and perhaps one of text that shows what comes out.");
        foreach (var example in examples.Where(example => example.Code.Any(code => code.Text.StartsWith(' '))))
            problems.Add(page.Path, example.Line, "The first line of an example begins with a blank, which Get-Help leaves out, so that the lines would not stand under each other.");
        foreach (var (example, line) in examples.SelectMany(example => example.Code.SelectMany(code => code.Text.Split('\n')).Select(line => (example, line))))
        {
            if (line.Length > MaxLineLength) problems.Add(page.Path, example.Line, $"A line of the example is longer than {MaxLineLength} characters, which a window of 120 columns has room for: {line}");
        }
    }
}
