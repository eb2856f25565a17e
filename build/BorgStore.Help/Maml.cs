using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace BorgStore.Help;

/// <summary>Writes help in the form that PowerShell reads, MAML. Its elements are those of the schema "PSMaml", of which PowerShell
/// shows only some.</summary>
internal static class Maml
{
    private const string WhatIf = "Shows what would happen, and changes nothing.";
    private const string Confirm = "Asks before each change.";

    private static readonly XNamespace Help = "http://msh";
    private static readonly XNamespace Text = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    /// <summary>Writes the help of cmdlets.</summary>
    /// <param name="cmdlets">The cmdlets and their pages.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="online">What <c>Get-Help -Online</c> opens.</param>
    public static void Write(IEnumerable<(Cmdlet Cmdlet, Page Page)> cmdlets, string path, string online)
    {
        var document = new XElement(Help + "helpItems", new XAttribute("schema", "maml"), cmdlets.Select(cmdlet => MakeCommand(cmdlet.Cmdlet, cmdlet.Page, online)));
        var settings = new XmlWriterSettings { Indent = true, NewLineChars = "\n", Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) };
        using var writer = XmlWriter.Create(path, settings);
        document.Save(writer);
    }

    private static XElement MakeCommand(Cmdlet cmdlet, Page page, string online) => new(Command + "command",
        new XAttribute(XNamespace.Xmlns + "maml", Text), new XAttribute(XNamespace.Xmlns + "command", Command), new XAttribute(XNamespace.Xmlns + "dev", Dev),
        new XElement(Command + "details",
            new XElement(Command + "name", cmdlet.Name),
            new XElement(Command + "verb", cmdlet.Verb),
            new XElement(Command + "noun", cmdlet.Noun),
            Describe(page["Synopsis"].Prose)),
        Describe(page["Description"].Prose),
        new XElement(Command + "syntax", cmdlet.ParameterSets.Select(set => MakeSyntax(cmdlet, set))),
        new XElement(Command + "parameters", cmdlet.Parameters.OrderBy(parameter => parameter.Name, StringComparer.OrdinalIgnoreCase)
            .Select(parameter => MakeParameter(parameter, Choose(cmdlet, parameter), DescriptionOf(page, parameter)))),
        new XElement(Command + "inputTypes", page["Inputs"].Sections.Select(section => MakeType("inputType", section))),
        new XElement(Command + "returnValues", page["Outputs"].Sections.Select(section => MakeType("returnValue", section))),
        new XElement(Text + "alertSet", new XElement(Text + "alert", Paragraphs(page["Notes"].Prose))),
        new XElement(Command + "examples", page["Examples"].Sections.Select(MakeExample)),
        new XElement(Text + "relatedLinks", page["See also"].Prose.Select(link => MakeLink(link.TrimStart('-', ' '), "")).Append(MakeLink("Online:", online))));

    private static XElement MakeLink(string text, string uri)
        => new(Text + "navigationLink", new XElement(Text + "linkText", text), new XElement(Text + "uri", uri));

    // What is needed first, and what has a position before what has none.
    private static XElement MakeSyntax(Cmdlet cmdlet, string set) => new(Command + "syntaxItem",
        new XElement(Text + "name", cmdlet.Name),
        cmdlet.Parameters.Select(parameter => (Parameter: parameter, Use: parameter.In(set)))
            .Where(pair => pair.Use is not null)
            .OrderBy(pair => pair.Use!.Position ?? int.MaxValue)
            .ThenBy(pair => !pair.Use!.IsMandatory)
            .Select(pair => MakeParameter(pair.Parameter, pair.Use!, null)));

    // Get-Help shows one state of a parameter: that of its most usual set.
    private static ParameterUse Choose(Cmdlet cmdlet, Parameter parameter)
        => parameter.In(cmdlet.ParameterSets[0]) ?? parameter.Uses[0];

    private static List<string> DescriptionOf(Page page, Parameter parameter) => parameter.Name switch
    {
        "WhatIf" => [WhatIf],
        "Confirm" => [Confirm],
        var name => page["Parameters"].Sections.First(section => section.Title == "-" + name).Prose,
    };

    private static XElement MakeParameter(Parameter parameter, ParameterUse use, List<string>? description)
    {
        var initial = description?.Find(text => text.StartsWith(Page.DefaultMark, StringComparison.Ordinal));
        return new(Command + "parameter",
            new XAttribute("required", use.IsMandatory ? "true" : "false"),
            new XAttribute("variableLength", parameter.Type.EndsWith("[]", StringComparison.Ordinal) ? "true" : "false"),
            new XAttribute("globbing", parameter.TakesWildcards ? "true" : "false"),
            new XAttribute("pipelineInput", use.PipelineInput),
            new XAttribute("position", use.Position?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "named"),
            new XAttribute("aliases", parameter.Aliases.Count == 0 ? "none" : string.Join(", ", parameter.Aliases)),
            new XElement(Text + "name", parameter.Name),
            description is null ? null : Describe(description.Where(text => text != initial)),
            parameter.Values.Count == 0 ? null : new XElement(Command + "parameterValueGroup", parameter.Values.Select(value => MakeValue(value, required: false))),
            parameter.IsSwitch ? null : MakeValue(parameter.Type, required: true),
            new XElement(Dev + "type", new XElement(Text + "name", parameter.Type), new XElement(Text + "uri")),
            new XElement(Dev + "defaultValue", initial is null ? parameter.IsSwitch ? "False" : "None" : initial[Page.DefaultMark.Length..].TrimEnd('.')));
    }

    private static XElement MakeValue(string value, bool required) => new(Command + "parameterValue",
        new XAttribute("required", required ? "true" : "false"), new XAttribute("variableLength", "false"), value);

    private static XElement MakeType(string element, Section section) => new(Command + element,
        new XElement(Dev + "type", new XElement(Text + "name", section.Title), new XElement(Text + "uri")),
        Describe(section.Prose));

    private static XElement MakeExample(Section section, int index) => new(Command + "example",
        new XElement(Text + "title", $"Example {index + 1}: {section.Title}"),
        new XElement(Dev + "code", section.Code[0].Text),
        // What comes out, then the text, then an empty line before the next example.
        new XElement(Dev + "remarks", Paragraphs([.. section.Code.Skip(1).Select(code => code.Text), .. section.Prose, ""])));

    private static XElement Describe(IEnumerable<string> prose) => new(Text + "description", Paragraphs(prose));

    private static IEnumerable<XElement> Paragraphs(IEnumerable<string> prose) => prose.Select(text => new XElement(Text + "para", text));
}
