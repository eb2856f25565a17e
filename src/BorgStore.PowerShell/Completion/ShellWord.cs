using System.Buffers;
using System.Globalization;
using System.Management.Automation.Language;
using System.Text;

namespace BorgStore.PowerShell.Completion;

/// <summary>Reads and writes words in PowerShell syntax.</summary>
internal static class ShellWord
{
    // All other characters have a meaning somewhere in the language, or look like one that does: PowerShell accepts curly quotes as quotes.
    private static readonly SearchValues<char> Plain = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/\\:%+=~!?*[]^");

    /// <summary>Returns a word in the quotes it needs, or <see langword="null"/> if PowerShell would not read it back as this word.</summary>
    /// <param name="word">The word.</param>
    public static string? TryWrite(string word)
    {
        var text = IsPlain(word) && Means(word, word) ? word
            : PrintableText.Escape(word) == word ? $"'{CodeGeneration.EscapeSingleQuotedStringContent(word)}'"
            : WriteEscaped(word);
        return Means(text, word) ? text : null;
    }

    /// <summary>Returns the value of an argument that is still being typed.</summary>
    /// <param name="typed">The argument as passed to completers: in quotes, of which the
    /// closing one may be missing, or unquoted and unescaped.</param>
    public static string Read(string typed)
        => typed is not ['\'' or '"', ..] ? typed
            : Parse(typed, out _) is StringConstantExpressionAst word ? word.Value
            : typed.Trim(typed[0]);

    private static bool IsPlain(string word) => word.Length > 0 && word[0] != '-' && !word.AsSpan().ContainsAnyExcept(Plain);

    // A number also counts if it is written exactly as it is displayed, such as the number of a server.
    private static bool Means(string text, string word) => Parse(text, out var errors) switch
    {
        _ when errors.Length > 0 => false,
        StringConstantExpressionAst constant => constant.Value == word && constant.Extent.Text == text,
        ConstantExpressionAst { Value: int number } => number.ToString(CultureInfo.InvariantCulture) == word,
        _ => false,
    };

    // Returns the only argument in the text, or null if there is not exactly one.
    private static CommandElementAst? Parse(string text, out ParseError[] errors)
        => Parser.ParseInput("_ " + text, out _, out errors) is
        {
            ParamBlock: null, BeginBlock: null, ProcessBlock: null,
            EndBlock.Statements: [PipelineAst { PipelineElements: [CommandAst { Redirections.Count: 0, CommandElements: [_, var argument] }] }],
        } ? argument : null;

    // Control characters cannot be typed on a command line; within double quotes they have an escape sequence.
    private static string WriteEscaped(string word)
    {
        var text = new StringBuilder("\"");
        foreach (var rune in word.EnumerateRunes())
        {
            var character = rune.ToString();
            if (PrintableText.Escape(character) != character) text.Append(CultureInfo.InvariantCulture, $"`u{{{rune.Value:x}}}");
            else text.Append(character is "`" or "$" or "\"" or "\u201c" or "\u201d" or "\u201e" ? "`" : "").Append(character);
        }
        return text.Append('"').ToString();
    }
}
