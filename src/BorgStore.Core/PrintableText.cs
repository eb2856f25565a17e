using System.Globalization;
using System.Text;

namespace BorgStore;

/// <summary>Prepares text from elsewhere (names, URLs, responses of servers) for a terminal or a log.</summary>
internal static class PrintableText
{
    /// <summary>Returns the text on one line: characters that a terminal would interpret, or that
    /// change the display of others, are escaped like <c>\x1b</c> or <c>\u202e</c>.</summary>
    /// <param name="text">The text. Text that is already escaped stays as it is.</param>
    public static string Escape(string text)
    {
        var first = FindFirst(text);
        if (first < 0) return text;
        var shown = new StringBuilder(text, 0, first, text.Length + 16);
        for (var i = first; i < text.Length;)
        {
            // A lone surrogate is one character, and is escaped.
            if (!Rune.TryGetRuneAt(text, i, out var rune)) Append(shown, text[i++]);
            else
            {
                if (IsPrintable(rune)) shown.Append(text, i, rune.Utf16SequenceLength);
                else Append(shown, rune.Value);
                i += rune.Utf16SequenceLength;
            }
        }
        return shown.ToString();
    }

    // Nearly all text is ASCII, which needs no lookup of categories.
    private static int FindFirst(string text)
    {
        var start = text.AsSpan().IndexOfAnyExceptInRange(' ', '~');
        if (start < 0) return -1;
        for (var i = start; i < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune) || !IsPrintable(rune)) return i;
            i += rune.Utf16SequenceLength;
        }
        return -1;
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static void Append(StringBuilder shown, int code) => shown.Append(code switch
    {
        <= 0xff => $"\\x{code:x2}",
        <= 0xffff => $"\\u{code:x4}",
        _ => $"\\U{code:x8}",
    });
}
