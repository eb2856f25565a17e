namespace BorgStore.Server;

/// <summary>Paths as <c>FILE:</c> URLs have them: absolute, relative to the working directory, or with a <c>~</c>.</summary>
internal static class LocalPath
{
    /// <summary>The prefix of such a URL.</summary>
    public const string Prefix = "FILE:";

    /// <summary>The absolute path, with every symbolic link on the way followed; what does not exist yet stays as it is.</summary>
    /// <param name="path">The path.</param>
    public static string Resolve(string path)
    {
        if (path.Length == 0) throw new StoreException(StoreError.InvalidUrl, $"'{Prefix}' needs a path behind it.");
        var absolute = Path.GetFullPath(ExpandHome(path));
        var resolved = Path.GetPathRoot(absolute)!;
        foreach (var element in absolute[resolved.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            var next = new DirectoryInfo(Path.Combine(resolved, element));
            // The target of a link may lead over links itself.
            resolved = next.LinkTarget is null ? next.FullName : Resolve(next.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
        }
        return resolved;
    }

    /// <summary>A <c>file://</c> URL for an absolute path.</summary>
    /// <param name="path">The path.</param>
    public static string ToFileUrl(string path)
    {
        var elements = path.Replace('\\', OperatingSystem.IsWindows() ? '/' : '\\').Split('/');
        var escaped = string.Join('/', elements.Select(element => Uri.EscapeDataString(element).Replace("%3A", ":")));
        return path.StartsWith('/') ? $"file://{escaped}" : $"file:///{escaped}";
    }

    /// <summary>Whether a path is a directory or lies below it. Both are resolved.</summary>
    public static bool IsInOrBelow(string path, string directory)
        => WithSeparator(path).StartsWith(WithSeparator(directory), StringComparison.Ordinal);

    // The root of a file system ends with one already.
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
            ?? throw new StoreException(StoreError.InvalidUrl, $"There is no user '{user}' whose home '~{user}' could be.");
}
