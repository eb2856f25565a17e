namespace BorgStore.Server;

/// <summary>Resolves the paths of <c>FILE:</c> URLs: absolute, relative to the working directory, or starting with <c>~</c>.</summary>
internal static class LocalPath
{
    /// <summary>The prefix of such a URL.</summary>
    public const string Prefix = "FILE:";

    /// <summary>Returns the absolute path with all symbolic links resolved; parts that do not exist are kept.</summary>
    /// <param name="path">The path.</param>
    public static string Resolve(string path)
    {
        if (path.Length == 0) throw new StoreException(StoreError.InvalidUrl, $"'{Prefix}' must be followed by a path.");
        var absolute = Path.GetFullPath(ExpandHome(path));
        var resolved = Path.GetPathRoot(absolute)!;
        foreach (var element in absolute[resolved.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            var next = new DirectoryInfo(Path.Combine(resolved, element));
            // The path to the target may contain links itself.
            resolved = next.LinkTarget is null ? next.FullName : Resolve(next.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        }
        return resolved;
    }

    /// <summary>Returns the <c>file://</c> URL of an absolute path.</summary>
    /// <param name="path">The path.</param>
    public static string ToFileUrl(string path)
    {
        var elements = path.Replace('\\', OperatingSystem.IsWindows() ? '/' : '\\').Split('/');
        var escaped = string.Join('/', elements.Select(element => Uri.EscapeDataString(element).Replace("%3A", ":")));
        return path.StartsWith('/') ? $"file://{escaped}" : $"file:///{escaped}";
    }

    /// <summary>Returns whether a path is a directory or below it. Both paths must be resolved.</summary>
    public static bool IsInOrBelow(string path, string directory)
        => WithSeparator(path).StartsWith(WithSeparator(directory), StringComparison.Ordinal);

    // The root of a file system already ends with a separator.
    private static string WithSeparator(string path)
        => Path.EndsInDirectorySeparator(path) ? path : path + Path.DirectorySeparatorChar;

    private static string ExpandHome(string path)
    {
        if (path[0] != '~') return path;
        var end = path.IndexOf('/') is >= 0 and var slash ? slash : path.Length;
        var home = end == 1 ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) : FindHome(path[1..end]);
        return home + path[end..];
    }

    private static string FindHome(string user)
        => (File.Exists("/etc/passwd") ? File.ReadLines("/etc/passwd") : [])
            .Select(line => line.Split(':'))
            .FirstOrDefault(fields => fields.Length > 5 && fields[0] == user)?[5]
            ?? throw new StoreException(StoreError.InvalidUrl, $"There is no user '{user}' for the home directory '~{user}'.");
}
