using System.Globalization;
using System.Text;

namespace BorgStore.Naming;

/// <summary>Maps names of items to file paths that are valid on every platform and never leave the folder, and back.</summary>
internal static class ItemPath
{
    private const string NotInFileNames = "\\:*?\"<>|%";
    private static readonly string[] Devices = ["con", "prn", "aux", "nul", "conin$", "conout$"];

    /// <summary>Returns the file path for a name in a folder. Characters not allowed in file names become <c>%hh</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">The full name of an item or a namespace.</param>
    /// <param name="deleted">Whether to name the soft-deleted item.</param>
    public static string Combine(string folder, string name, bool deleted = false)
        => Path.Combine([folder, .. (deleted ? name + Suffixes.Deleted : name).Split('/').Select(EscapeElement)]);

    /// <summary>Returns the files below a folder, with the names of the items that they were exported from. Links are not followed,
    /// and unfinished files are left out.</summary>
    /// <param name="folder">The folder of the export.</param>
    /// <param name="start">The folder where to start, at or below the first one.</param>
    public static IEnumerable<(FileInfo File, string Name, bool IsDeleted)> Enumerate(string folder, string start)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
        foreach (var file in new DirectoryInfo(start).EnumerateFiles("*", options))
        {
            var path = Path.GetRelativePath(folder, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (path.EndsWith(Suffixes.Temporary, StringComparison.Ordinal)) continue;
            var name = Unescape(path);
            var isDeleted = name.EndsWith(Suffixes.Deleted, StringComparison.Ordinal);
            yield return (file, isDeleted ? name[..^Suffixes.Deleted.Length] : name, isDeleted);
        }
    }

    private static string EscapeElement(string element)
    {
        var escaped = new StringBuilder(element.Length);
        for (var i = 0; i < element.Length; i++)
        {
            var c = element[i];
            // Windows drops dots at the end, and '..' would leave the folder on any platform.
            var isBad = c <= ' ' || c == '\x7f' || NotInFileNames.Contains(c)
                || (c == '.' && i == element.Length - 1) || (i == 0 && IsDevice(element));
            if (isBad) escaped.Append('%').Append(((int)c).ToString("x2", CultureInfo.InvariantCulture));
            else escaped.Append(c);
        }
        return escaped.ToString();
    }

    /// <summary>Returns the name of an item for its file path below the folder. A <c>%</c> that nothing was escaped with stays.</summary>
    /// <param name="path">The path, with slashes.</param>
    internal static string Unescape(string path)
    {
        if (!path.Contains('%')) return path;
        var name = new StringBuilder(path.Length);
        for (var i = 0; i < path.Length; i++)
        {
            var character = path[i];
            if (character == '%' && i + 2 < path.Length
                && byte.TryParse(path.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var escaped))
            {
                character = (char)escaped;
                i += 2;
            }
            name.Append(character);
        }
        return name.ToString();
    }

    private static bool IsDevice(string element)
    {
        var stem = element.Split('.')[0];
        return Devices.Contains(stem) || (stem.Length == 4 && stem[..3] is "com" or "lpt" && char.IsAsciiDigit(stem[3]));
    }
}
