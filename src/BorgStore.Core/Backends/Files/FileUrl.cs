using System.Text.RegularExpressions;

namespace BorgStore.Backends.Files;

/// <summary>URLs of stores on a file system: <c>file:///srv/store</c>, <c>file:///C:/store</c>.</summary>
internal static partial class FileUrl
{
    /// <summary>Returns the directory that a URL names.</summary>
    /// <param name="url">The URL; percent-encoded characters are decoded.</param>
    /// <param name="windows">Whether to parse Windows paths.</param>
    /// <returns>The absolute path.</returns>
    /// <exception cref="StoreException"><see cref="StoreError.InvalidUrl"/> if the URL does not name a directory of this machine.</exception>
    public static string Parse(string url, bool windows)
    {
        var match = Pattern().Match(url);
        if (!match.Success) throw Invalid(url, windows, "it does not begin with 'file:'");
        if (match.Groups["slashes"].Length < 2) throw Invalid(url, windows, "'file:' must be followed by two slashes and an absolute path");

        var host = match.Groups["host"].Value;
        if (host.Length > 0) throw Invalid(url, windows, $"it names the host '{StoreUrl.RedactPart(host, url)}', or its path lacks the third slash");

        var path = Uri.UnescapeDataString(match.Groups["path"].Value);
        if (path.Trim('/').Length == 0) throw Invalid(url, windows, "it names no directory");
        if (path.Contains('\0')) throw Invalid(url, windows, "its path contains a null character");
        return windows ? ParseWindowsPath(url, path) : path;
    }

    private static string ParseWindowsPath(string url, string path)
    {
        path = path.Replace('/', '\\');
        if (path.StartsWith(@"\\", StringComparison.Ordinal))
            throw Invalid(url, windows: true, "network shares are only supported under a drive letter, not by their name");
        if (!DrivePath().IsMatch(path)) throw Invalid(url, windows: true, "its path has no drive letter");
        return path[1..];
    }

    private static StoreException Invalid(string url, bool windows, string problem)
        => StoreUrl.Invalid(url, problem, windows ? "'file:///C:/path/to/store'" : "'file:///path/to/store'");

    [GeneratedRegex(@"^file:(?<slashes>/{0,2})(?<host>[^/]*)(?<path>.*)$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Pattern();

    [GeneratedRegex(@"^\\[a-zA-Z]:\\")]
    private static partial Regex DrivePath();
}
