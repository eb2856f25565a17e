using System.Text;

namespace BorgStore.Processes;

/// <summary>Splits a command line as a POSIX shell would, without expanding anything, and quotes words for one.</summary>
internal static class ShellWords
{
    /// <summary>Splits a command line of the user's; on Windows a backslash in it is part of a path.</summary>
    /// <param name="line">The command line.</param>
    public static IReadOnlyList<string> SplitLocal(string line) => Split(line, escapes: !OperatingSystem.IsWindows());

    /// <summary>Splits a command line.</summary>
    /// <param name="line">The command line.</param>
    public static IReadOnlyList<string> Split(string line) => Split(line, escapes: true);

    private static List<string> Split(string line, bool escapes)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var isInWord = false;
        var quote = '\0';
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quote == '\'' && c != quote) word.Append(c);
            else if (c == quote) quote = '\0';
            else if (escapes && c == '\\' && i + 1 < line.Length) word.Append(line[++i]);
            else if (quote != '\0') word.Append(c);
            else if (c is '\'' or '"') quote = c;
            else if (!char.IsWhiteSpace(c)) word.Append(c);
            else
            {
                if (isInWord) words.Add(word.ToString());
                word.Clear();
                isInWord = false;
                continue;
            }
            isInWord = true;
        }
        if (isInWord) words.Add(word.ToString());
        return words;
    }

    /// <summary>Quotes a word if a shell would otherwise interpret it.</summary>
    /// <param name="word">The word.</param>
    public static string Quote(string word)
        => word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "_./:~@%+,=-".Contains(c)) ? word : $"'{word.Replace("'", @"'\''")}'";
}
