using System.Text;
using BorgStore.Layout;

namespace BorgStore.PowerShell.Files;

/// <summary>Maps names of items to file paths that are valid on every platform and never leave the folder.</summary>
internal static class ItemPath
{
    private const string NotInFileNames = "\\:*?\"<>|%";
    private static readonly string[] Devices = ["con", "prn", "aux", "nul", "conin$", "conout$"];

    /// <summary>Returns the file path for a name in a folder. Characters not allowed in file names become <c>%hh</c>.</summary>
    public static string Combine(string folder, string name)
        => Path.Combine([folder, .. name.Split('/').Select(EscapeElement)]);

    /// <summary>Returns a name without its namespace.</summary>
    public static string KeyOf(this StoreLayout layout, string name) => layout.Split(name).Key;

    private static string EscapeElement(string element)
    {
        var escaped = new StringBuilder(element.Length);
        for (var i = 0; i < element.Length; i++)
        {
            var c = element[i];
            // Windows drops dots at the end, and '..' would leave the folder on any platform.
            var isBad = c <= ' ' || c == '\x7f' || NotInFileNames.Contains(c)
                || (c == '.' && i == element.Length - 1) || (i == 0 && IsDevice(element));
            if (isBad) escaped.Append('%').Append(((int)c).ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
            else escaped.Append(c);
        }
        return escaped.ToString();
    }

    private static bool IsDevice(string element)
    {
        var stem = element.Split('.')[0];
        return Devices.Contains(stem) || (stem.Length == 4 && stem[..3] is "com" or "lpt" && char.IsAsciiDigit(stem[3]));
    }
}
